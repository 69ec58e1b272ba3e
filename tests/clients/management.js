// The Management API, for programs that know of themselves only when they run.
import { given } from './report.js';

// Creates something, and answers it as the server shows it.
export async function create(what, body) {
  const response = await fetch(`${given.issuer}api/v2/${what}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${given.management_token}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) {
    throw new Error(`${what} can't be created: ${JSON.stringify(answer)}`);
  }
  return answer;
}

// Removes what is at a path.
export async function remove(path) {
  const response = await fetch(`${given.issuer}api/v2/${path}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${given.management_token}` },
  });
  if (!response.ok) {
    throw new Error(`${path} can't be removed: ${response.status}`);
  }
}
