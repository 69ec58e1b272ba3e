// As much of a browser as logging in takes: it keeps cookies, follows redirects, and fills
// in the form of the login page. What the real one does is in auth0-spa-js.js.

const REDIRECTS_MAX = 10;

export class Browser {
  #server;
  #cookies = new Map();

  // A browser without cookies, whose journeys end where they leave the server.
  constructor(server) {
    this.#server = new URL(server).origin;
  }

  // Opens a URL of the server, logs in if the login page comes, and answers the URL away
  // from the server that this led to.
  async logIn(url, user) {
    const place = await this.open(url);
    if (place.form === undefined) {
      throw new Error(`there is no form at ${place.url}:\n${place.text}`);
    }
    const form = place.form;
    form.set('username', user.email);
    form.set('password', user.password);
    return (await this.#go(form.action, { method: 'POST', body: form })).url;
  }

  // Opens a URL of the server. Answers where that led to: a URL away from the server, or a
  // page with its text and its form.
  open(url) {
    return this.#go(url, {});
  }

  async #go(url, options) {
    let request = options;
    let place = new URL(url);
    for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects += 1) {
      if (place.origin !== this.#server) {
        return { url: place };
      }
      const response = await fetch(place, {
        ...request,
        redirect: 'manual',
        headers: { cookie: this.#cookieHeader() },
      });
      this.#keepCookies(response);
      const location = response.headers.get('location');
      if (location === null) {
        const text = await response.text();
        return { url: place, status: response.status, text, form: formOf(text, place) };
      }
      await response.body?.cancel();
      place = new URL(location, place);
      request = {};
    }
    throw new Error(`${url} leads to more than ${REDIRECTS_MAX} redirects`);
  }

  #cookieHeader() {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  #keepCookies(response) {
    for (const cookie of response.headers.getSetCookie()) {
      const [pair, ...attributes] = cookie.split(';');
      const [name, value] = pair.split(/=(.*)/s);
      const ends = attributes.some((attribute) => /^\s*max-age=0\s*$/i.test(attribute));
      if (ends) {
        this.#cookies.delete(name.trim());
      } else {
        this.#cookies.set(name.trim(), value);
      }
    }
  }
}

// The first form of a page, with what it carries unseen.
function formOf(text, page) {
  const action = /<form[^>]*\saction="([^"]*)"/.exec(text);
  if (action === null) {
    return undefined;
  }
  const form = new URLSearchParams();
  for (const [input] of text.matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
    const attribute = (name) => decode(new RegExp(`\\s${name}="([^"]*)"`).exec(input)[1]);
    form.set(attribute('name'), attribute('value'));
  }
  form.action = new URL(decode(action[1]), page);
  return form;
}

function decode(html) {
  const characters = { quot: '"', lt: '<', gt: '>', amp: '&', '#39': "'" };
  return html.replace(/&(quot|lt|gt|amp|#39);/g, (_, name) => characters[name]);
}
