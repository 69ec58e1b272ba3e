// A page that logs in with @auth0/auth0-spa-js. What came of it is in #outcome, as JSON.

const outcome = document.getElementById('outcome');
const settings = await (await fetch('settings.json')).json();
const client = await auth0.createAuth0Client({
  domain: settings.domain,
  clientId: settings.client_id,
  useRefreshTokens: settings.use_refresh_tokens,
  // After a reload there is no refresh token in memory: then by a hidden frame.
  useRefreshTokensFallback: true,
  authorizationParams: {
    redirect_uri: `${location.origin}/`,
    audience: settings.audience,
    scope: 'openid profile email read:reports',
  },
});

function payload(token) {
  const bytes = token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
  return JSON.parse(atob(bytes));
}

async function show(act) {
  outcome.textContent = '';
  let seen;
  try {
    seen = await act();
  } catch (error) {
    seen = { error: error.error ?? error.name, description: error.message };
  }
  outcome.textContent = JSON.stringify(seen);
}

async function session() {
  const is_authenticated = await client.isAuthenticated();
  if (!is_authenticated) {
    return { is_authenticated };
  }
  const access_token = payload(await client.getTokenSilently());
  return { is_authenticated, id_token: await client.getIdTokenClaims(), access_token };
}

async function renew() {
  const before = await client.getTokenSilently();
  const after = await client.getTokenSilently({ cacheMode: 'off' });
  return { ...(await session()), is_new: before !== after };
}

const on = (id, act) => document.getElementById(id).addEventListener('click', act);
on('log-in', () => client.loginWithRedirect({ appState: { from: 'the button' } }));
on('renew', () => show(renew));
on('log-out', () => client.logout({ logoutParams: { returnTo: `${location.origin}/?logged-out` } }));

await show(async () => {
  if (new URLSearchParams(location.search).has('state')) {
    const { appState } = await client.handleRedirectCallback();
    history.replaceState(null, '', '/');
    return { ...(await session()), app_state: appState };
  }
  return session();
});
