// Tells each test of node's own runner as one line of JSON: {at: 'test', file, path, passed, skip, group, error}, and at
// the end {at: 'end'}. Events come in the order in which tests are defined, so that the names of the groups a test is in
// are those that began before it with less nesting.
const LIMIT = 16384;

const cut = (text) => {
  const whole = String(text ?? '');
  return whole.length <= LIMIT ? whole : `${whole.slice(0, LIMIT / 2)}\n[...]\n${whole.slice(-LIMIT / 2)}`;
};

const described = (error) => {
  const cause = error.cause instanceof Error ? error.cause : undefined;
  return {
    kind: cut(error.failureType),
    name: cut(cause?.name ?? 'Error'),
    message: cut(cause ? cause.message : error.cause ?? error.message),
    stack: cut(cause?.stack),
  };
};

const reason = (value, word) => (value === undefined || value === false ? undefined : value === true || value === '' ? word : cut(value));

export default async function* groundcrew(source) {
  const names = [];
  for await (const { type, data } of source) {
    if (type === 'test:start') {
      names.length = data.nesting;
      names[data.nesting] = data.name;
    } else if (type === 'test:pass' || type === 'test:fail') {
      const path = [...Array.from(names.slice(0, data.nesting), cut), cut(data.name)];
      const error = data.details?.error;
      yield JSON.stringify({
        at: 'test',
        file: data.file,
        path,
        passed: type === 'test:pass',
        skip: reason(data.skip, 'skipped') ?? reason(data.todo, 'to do'),
        group: data.details?.type === 'suite',
        error: error ? described(error) : undefined,
      }) + '\n';
    }
  }
  yield JSON.stringify({ at: 'end' }) + '\n';
}
