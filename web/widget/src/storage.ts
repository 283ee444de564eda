/** localStorage where the page may use it, else memory: a browser that blocks it throws on the first touch. */

export interface SafeStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** A storage that never throws. What localStorage refuses is kept until the page goes. */
export function safeStorage(real: () => SafeStorage = () => window.localStorage): SafeStorage {
  const memory = new Map<string, string>();
  const attempt = <T>(action: (storage: SafeStorage) => T, otherwise: () => T): T => {
    try {
      return action(real());
    } catch {
      return otherwise(); // blocked, full, or gone: memory has it
    }
  };
  return {
    getItem: (key) =>
      memory.get(key) ??
      attempt(
        (storage) => storage.getItem(key),
        () => null,
      ),
    setItem: (key, value) =>
      attempt(
        (storage) => {
          storage.setItem(key, value);
          memory.delete(key);
        },
        () => void memory.set(key, value),
      ),
    removeItem: (key) => {
      memory.delete(key);
      attempt(
        (storage) => storage.removeItem(key),
        () => undefined,
      );
    },
  };
}

/** Where supabase-js keeps the visitor's session: a key of our own, so that the page's own sign-in is not touched. */
export const authKey = (project: string): string => `sb_handoff_${project}_auth`;

/** How far this browser has read: `{"conversation": id, "seq": number}`. */
export const seenKey = (project: string): string => `sb_handoff_${project}_seen`;

/** Whether the panel was open when the page went. */
export const openKey = (project: string): string => `sb_handoff_${project}_open`;
