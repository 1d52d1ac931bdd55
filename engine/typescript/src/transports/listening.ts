/** Listeners of one object, which all end together. */

export interface Listening {
  listen(type: string, listener: (event: Event) => void): void;
  stop(): void;
}

export function listening(target: EventTarget): Listening {
  const controller = new AbortController();
  return {
    listen: (type, listener) => target.addEventListener(type, listener, { signal: controller.signal }),
    stop: () => controller.abort(),
  };
}
