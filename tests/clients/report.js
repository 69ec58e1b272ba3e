// What the programs here have in common: what they are given, and how they report.

// One JSON argument, written by the test.
export const given = JSON.parse(process.argv[2]);

// Does one thing with the library, and reports it as one line of JSON: the step's name and
// what `act` answered. An error ends the program, and the test shows it.
export async function step(name, act) {
  const outcome = await act();
  console.log(JSON.stringify({ step: name, ...outcome }));
  return outcome;
}

// The same for what must be refused: reports how the library tells of it.
export function refused(name, act) {
  return step(name, async () => {
    try {
      await act();
    } catch (error) {
      const { code, status, error: oauthError, error_description: description } = error;
      // oauth4webapi takes the challenges of the header WWW-Authenticate apart.
      const challenges = Array.isArray(error.cause) ? error.cause : undefined;
      return { code, status, error: oauthError, description, challenges };
    }
    throw new Error(`${name} was not refused`);
  });
}
