// What ends a wait: time, or whoever asked for the check. And the one kind of error that a check reports.

/** A stage failed; `code` is one of a closed set for which the page has words. */
export class Failure extends Error {
  constructor(code, clockOff) {
    super(code);
    this.code = code;
    this.clockOff = clockOff === undefined ? null : clockOff;
  }

  /** The failure that an error is; one that is none is a mistake of ours. An abort is thrown on. */
  static of(error, signal) {
    if (signal && signal.aborted) throw reason(signal);
    return error instanceof Failure ? error : new Failure('internal');
  }
}

/** What comes of a promise, unless the limits end the wait; `late` is the code if it is time that does. */
export async function within({ signal, timeout }, late, promise) {
  let timer;
  let abort;
  const end = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Failure(late)), timeout);
    abort = () => reject(reason(signal));
    if (signal && signal.aborted) abort();
    else if (signal) signal.addEventListener('abort', abort);
  });
  try {
    return await Promise.race([promise, end]);
  } finally {
    clearTimeout(timer);
    if (signal) signal.removeEventListener('abort', abort);
  }
}

function reason(signal) {
  return signal.reason || new DOMException('the check was aborted', 'AbortError');
}
