// Calls as data: those that tests make, their neighbours, and what comes of them. A call that holds what cannot be told as
// data is left out.

const ITEMS = 200;
const DEPTH = 8;
const LONGEST = 20_000;
// Neighbours of one call, and calls of one function.
const NEAR = 60;
const OF_ONE = 120;

/** A value as data; throws where it has none. `name_of` tells file and name of a class of the project. */
export function encode(value, name_of, depth = 0, seen = new Set()) {
  switch (typeof value) {
    case 'undefined':
      return ['u'];
    case 'number':
      return ['n', Object.is(value, -0) ? '-0' : String(value)];
    case 'string':
      if (value.length > LONGEST) throw new Error('too long');
      return ['s', value];
    case 'boolean':
      return ['b', value];
    case 'bigint':
      return ['i', String(value)];
    case 'function': {
      const text = String(value);
      if (text.includes('[native code]') || text.startsWith('class') || value._isMockFunction || value.mock || text.length > 2000) throw new Error('a function');
      return ['f', text];
    }
    case 'symbol':
      throw new Error('a symbol');
  }
  if (value === null) return ['l'];
  if (depth > DEPTH || seen.has(value)) throw new Error('too deep');
  seen.add(value);
  const inner = (one) => encode(one, name_of, depth + 1, seen);
  const few = (list) => {
    if (list.length > ITEMS) throw new Error('too many');
    return list;
  };
  let told;
  const kind = Object.prototype.toString.call(value);
  const pairs = () => few(Object.keys(value)).map((key) => [key, inner(value[key])]);
  if (Array.isArray(value)) told = ['a', Array.from(few(value), inner)];
  else if (kind === '[object Map]') told = ['m', few([...value]).map(([key, one]) => [inner(key), inner(one)])];
  else if (kind === '[object Set]') told = ['S', few([...value]).map(inner)];
  else if (kind === '[object Date]') told = ['d', value.getTime()];
  else if (kind === '[object RegExp]') told = ['r', value.source, value.flags];
  else {
    const base = Object.getPrototypeOf(value);
    if (base === null || base === Object.prototype || base.constructor?.name === 'Object') told = ['o', pairs()];
    else {
      const named = name_of(value.constructor);
      if (!named) throw new Error('an object of its own kind');
      told = ['x', ...named, pairs()];
    }
  }
  seen.delete(value);
  return told;
}

/** The value that a recipe stands for; `find` gives a class by file and name. */
export function build(recipe, find) {
  const [kind, one] = recipe;
  const inner = (part) => build(part, find);
  switch (kind) {
    case 'u':
      return undefined;
    case 'l':
      return null;
    case 'n':
      return Number(one);
    case 'i':
      return BigInt(one);
    case 's':
    case 'b':
      return one;
    case 'f':
      return (0, eval)(`(${one})`);
    case 'a':
      return one.map(inner);
    case 'm':
      return new Map(one.map(([key, value]) => [inner(key), inner(value)]));
    case 'S':
      return new Set(one.map(inner));
    case 'd':
      return new Date(one);
    case 'r':
      return new RegExp(one, recipe[2]);
    case 'o':
      return Object.fromEntries(one.map(([key, value]) => [key, inner(value)]));
    default: {
      const made = Object.create(find(one, recipe[2]).prototype);
      for (const [key, value] of recipe[3]) {
        Object.defineProperty(made, key, { value: inner(value), writable: true, enumerable: true, configurable: true });
      }
      return made;
    }
  }
}

/** A recipe as it would be written. */
export function source(recipe) {
  const [kind, one] = recipe;
  switch (kind) {
    case 'u':
      return 'undefined';
    case 'l':
      return 'null';
    case 'n':
      return one;
    case 'i':
      return `${one}n`;
    case 's':
      return quoted(one);
    case 'b':
      return String(one);
    case 'f':
      return one;
    case 'a':
      return `[${one.map(source).join(', ')}]`;
    case 'm':
      return `new Map([${one.map(([key, value]) => `[${source(key)}, ${source(value)}]`).join(', ')}])`;
    case 'S':
      return `new Set([${one.map(source).join(', ')}])`;
    case 'd':
      return `new Date(${one})`;
    case 'r':
      return `/${one}/${recipe[2]}`;
    case 'o':
      return one.length === 0 ? '{}' : `{ ${members(one)} }`;
    default:
      return `${recipe[2]} { ${members(recipe[3])} }`;
  }
}

function members(pairs) {
  return pairs.map(([key, value]) => `${/^[A-Za-z_$][\w$]*$/.test(key) ? key : quoted(key)}: ${source(value)}`).join(', ');
}

function quoted(text) {
  return `'${JSON.stringify(text).slice(1, -1).replace(/\\"/g, '"').replace(/'/g, "\\'")}'`;
}

/** What a value is, as text that is equal for equal values. */
export function shown(value, depth = 0, seen = new Set()) {
  if (typeof value === 'function') return `[function ${value.name}]`;
  if (typeof value === 'symbol') return String(value);
  if (value === null || typeof value !== 'object') return source(encode(value));
  if (seen.has(value) || depth > DEPTH) return '[...]';
  seen.add(value);
  const inner = (one) => shown(one, depth + 1, seen);
  const kind = Object.prototype.toString.call(value);
  const list = (items) => Array.from(items).slice(0, ITEMS).map(inner).join(', ');
  let text;
  if (Array.isArray(value)) text = `[${list(value)}]`;
  else if (kind === '[object Map]') text = `Map(${[...value].slice(0, ITEMS).map(([key, one]) => `${inner(key)} => ${inner(one)}`).join(', ')})`;
  else if (kind === '[object Set]') text = `Set(${list(value)})`;
  else if (kind === '[object Date]') text = `Date(${value.getTime()})`;
  else if (kind === '[object RegExp]') text = String(value);
  else if (value instanceof Error) text = `${value.name}: ${value.message}`;
  else if (ArrayBuffer.isView(value)) text = `${kind}(${list(value)})`;
  else if (typeof value.next === 'function' && typeof value[Symbol.iterator] === 'function') {
    const items = [];
    for (const one of value) {
      items.push(inner(one));
      if (items.length >= ITEMS) break;
    }
    text = `(${items.join(', ')})`;
  } else {
    const name = Object.getPrototypeOf(value)?.constructor?.name ?? 'Object';
    const keys = Object.keys(value).slice(0, ITEMS);
    text = `${name === 'Object' ? '' : `${name} `}{ ${keys.map((key) => `${key}: ${inner(value[key])}`).join(', ')} }`;
  }
  seen.delete(value);
  return text.slice(0, LONGEST);
}

/** The calls of one function that are tried: the recorded ones, arguments of one with those of another, and neighbours. */
export function inputs(recorded) {
  const found = new Map();
  const add = (call) => {
    const key = JSON.stringify(call);
    if (found.size < OF_ONE && key.length < LONGEST && !found.has(key)) {
      found.set(key, call);
    }
  };
  recorded.slice(0, 30).forEach(add);
  const streams = [crossed(recorded.slice(0, 12)), ...recorded.slice(0, 12).map((call) => near(call))];
  for (let turn = 0; turn < NEAR && streams.length > 0; turn++) {
    for (const stream of [...streams]) {
      const { value, done } = stream.next();
      if (done) {
        streams.splice(streams.indexOf(stream), 1);
      } else {
        add(value);
      }
    }
  }
  return [...found.values()];
}

/** Calls that may raise an error of a log, each with where it comes from: as tests make them, with words of the log, with one
 * value changed or taken away, and made up where no test calls the function. */
export function* wide(recorded, parameters, words) {
  for (const call of recorded) yield [call, 'recorded'];
  for (const call of recorded.slice(0, 12)) {
    for (const other of worded(call, words)) yield [other, 'logged'];
  }
  for (const call of inputs(recorded).slice(recorded.length)) yield [call, 'varied'];
  for (const call of recorded.slice(0, 12)) {
    for (const at of places(call)) {
      for (const other of [['u'], ['l'], ['a', []], ['o', []], ['s', ''], ['n', '0']]) yield [put(call, at, other), 'varied'];
      const [kind, pairs] = get(call, at);
      if (kind === 'o') {
        for (let number = 0; number < pairs.length; number++) yield [put(call, at, ['o', pairs.filter((_, one) => one !== number)]), 'varied'];
      }
    }
  }
  if (recorded.length === 0 && parameters !== null) {
    const texts = words.map((word) => ['s', word]);
    const numbers = words.filter((word) => /^-?\d+(\.\d+)?$/.test(word)).map((word) => ['n', word]);
    const any = [...numbers, ...texts].slice(0, 12);
    const plain = [['u'], ['l'], ['s', ''], ['n', '0'], ['a', []], ['o', []], ['n', '1'], ['s', 'a']];
    const most = parameters > 2 ? 6 : 20;
    for (const [values, origin] of [[any, 'logged'], [[...any, ...plain], 'made']]) {
      for (const args of product(values.slice(0, most), parameters)) yield [{ args }, origin];
    }
  }
}

function* product(values, count) {
  if (count === 0) {
    yield [];
    return;
  }
  for (const rest of product(values, Math.min(count, 3) - 1)) {
    for (const value of values) yield [...rest, value];
  }
}

/** Calls in which a text or a number is a word of the log. */
function* worded(call, words) {
  for (const at of places(call)) {
    const [kind] = get(call, at);
    if (kind === 's') {
      for (const word of words) yield put(call, at, ['s', word]);
    } else if (kind === 'n') {
      for (const word of words) {
        if (/^-?\d+(\.\d+)?$/.test(word)) yield put(call, at, ['n', word]);
      }
    }
  }
}

/** The way to each value of a call. */
function places(call) {
  const found = [];
  const visit = (recipe, way) => {
    if (found.length > 60) return;
    found.push(way);
    const [kind, one] = recipe;
    if (kind === 'a' || kind === 'S') one.slice(0, 8).forEach((inner, at) => visit(inner, [...way, 1, at]));
    if (kind === 'o' || kind === 'm') one.forEach((pair, at) => visit(pair[1], [...way, 1, at, 1]));
    if (kind === 'x') recipe[3].forEach((pair, at) => visit(pair[1], [...way, 3, at, 1]));
  };
  call.args.forEach((arg, at) => visit(arg, ['args', at]));
  return found;
}

function get(from, way) {
  return way.reduce((part, step) => part[step], from);
}

function put(from, [step, ...rest], value) {
  if (step === undefined) return value;
  const copy = Array.isArray(from) ? [...from] : { ...from };
  copy[step] = put(from[step], rest, value);
  return copy;
}

/** A recipe as code; `imports` learns which classes it needs. */
export function code(recipe, imports) {
  const [kind, one] = recipe;
  const inner = (part) => code(part, imports);
  const keyed = (pairs) => {
    const name = (key) => (/^[A-Za-z_$][\w$]*$/.test(key) ? key : quoted(key));
    return pairs.length === 0 ? '{}' : `{ ${pairs.map(([key, value]) => `${name(key)}: ${inner(value)}`).join(', ')} }`;
  };
  switch (kind) {
    case 'a':
      return `[${one.map(inner).join(', ')}]`;
    case 'm':
      return `new Map([${one.map(([key, value]) => `[${inner(key)}, ${inner(value)}]`).join(', ')}])`;
    case 'S':
      return `new Set([${one.map(inner).join(', ')}])`;
    case 'o':
      return keyed(one);
    case 'x':
      imports.push([one, recipe[2]]);
      return `Object.assign(Object.create(${recipe[2]}.prototype), ${keyed(recipe[3])})`;
    default:
      return source(recipe);
  }
}

/** Calls with one argument of another call. */
function* crossed(recorded) {
  for (const one of recorded) {
    for (const other of recorded) {
      if (one === other || one.args.length !== other.args.length || one.args.length < 2) continue;
      for (let at = 0; at < one.args.length; at++) {
        yield { ...one, args: one.args.map((arg, number) => (number === at ? other.args[at] : arg)) };
      }
    }
  }
}

/** Calls with one value changed, kinds of values as they were. */
function* near(call) {
  const streams = call.args.map((arg, at) => ({ at, stream: changed(arg, 0) }));
  if (call.self) streams.push({ at: -1, stream: changed(call.self, 0) });
  while (streams.length > 0) {
    for (const one of [...streams]) {
      const { value, done } = one.stream.next();
      if (done) {
        streams.splice(streams.indexOf(one), 1);
      } else if (one.at < 0) {
        yield { ...call, self: value };
      } else {
        yield { ...call, args: call.args.map((arg, number) => (number === one.at ? value : arg)) };
      }
    }
  }
}

function* changed(recipe, depth) {
  const [kind, one] = recipe;
  if (kind === 'n') {
    const number = Number(one);
    for (const other of [number + 1, number - 1, 0, number * 2, -number, 1, 10, number * 10 + 5, 100]) {
      if (!Object.is(other, number)) yield ['n', Object.is(other, -0) ? '0' : String(other)];
    }
  } else if (kind === 's') {
    const others = [one + one, one.slice(1), one.slice(0, -1), [...one].reverse().join(''), '', one.toUpperCase(), ` ${one}`, one + one.slice(0, 1), one.slice(1) + one.slice(0, 1), one.toLowerCase()];
    for (const other of new Set(others)) {
      if (other !== one && other.length < 400) yield ['s', other];
    }
  } else if (kind === 'b') {
    yield ['b', !one];
  } else if (kind === 'a' || kind === 'S') {
    if (one.length > 0) {
      yield [kind, [...one].reverse()];
      if (kind === 'a' && one.length < 40) yield [kind, [...one, ...one]];
      yield [kind, one.slice(1)];
      yield [kind, one.slice(0, -1)];
      if (kind === 'a') yield [kind, [...one, one[0]]];
      yield [kind, one.slice(0, 1)];
      if (kind === 'a' && one.every(([inner]) => inner === 'a')) yield [kind, one.map(([inner, items]) => [inner, [...items, ...items.slice(0, 1)]])];
      yield [kind, []];
    }
    yield* within(one, depth, (at, value) => [kind, one.map((item, number) => (number === at ? value : item))]);
  } else if (kind === 'o' || kind === 'x' || kind === 'm') {
    const place = kind === 'x' ? 3 : 1;
    const pairs = recipe[place];
    const put = (changed) => recipe.map((part, number) => (number === place ? changed : part));
    yield* within(
      pairs.map(([, value]) => value),
      depth,
      (at, value) => put(pairs.map((pair, number) => (number === at ? [pair[0], value] : pair))),
    );
    if (kind !== 'x' && pairs.length > 1) yield put(pairs.slice(0, -1));
  }
}

/** Changes of each item in turns. */
function* within(items, depth, put) {
  if (depth > 4) return;
  const streams = items.slice(0, 12).map((item, at) => ({ at, stream: changed(item, depth + 1) }));
  while (streams.length > 0) {
    for (const one of [...streams]) {
      const { value, done } = one.stream.next();
      if (done) streams.splice(streams.indexOf(one), 1);
      else yield put(one.at, value);
    }
  }
}
