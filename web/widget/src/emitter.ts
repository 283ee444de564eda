/** What the page can hear of the widget. */
export interface WidgetEvents {
  /** The widget can be used. */
  ready: Record<string, never>;
  open: Record<string, never>;
  close: Record<string, never>;
  /** Somebody wrote. */
  message: { id: string; from: 'customer' | 'ai' | 'agent' | 'system'; content: string };
  /** How many messages the visitor has not seen. */
  unread: { count: number };
  /** What the widget shows (F001 5.6.2). */
  phase: { phase: string };
  agent: { name: string | null };
  rated: { rating: number };
  /** The chat could not be loaded or started. */
  error: { message: string };
}

export type EventName = keyof WidgetEvents;
export type Listener<Name extends EventName> = (detail: WidgetEvents[Name]) => void;

/** Listeners by event. One that throws does not keep the others, or the widget, from going on. */
export class Emitter {
  readonly #listeners = new Map<EventName, Set<Listener<EventName>>>();

  /** Calls `listener` on each event until the returned function is called. */
  on<Name extends EventName>(name: Name, listener: Listener<Name>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    const added = listener as Listener<EventName>;
    listeners.add(added);
    return () => void listeners.delete(added);
  }

  /** Tells the listeners, and the page as the DOM event `supportbase:{name}` on window. */
  emit<Name extends EventName>(name: Name, detail: WidgetEvents[Name]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        listener(detail);
      } catch (error) {
        console.error(`SupportBase: a listener of "${name}" failed`, error);
      }
    }
    window.dispatchEvent(new CustomEvent(`supportbase:${name}`, { detail }));
  }
}
