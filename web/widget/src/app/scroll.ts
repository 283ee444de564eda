import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** Nearer than this to the end counts as being there. */
const NEAR_PX = 80;

interface Stick {
  box: RefObject<HTMLDivElement | null>;
  /** Something new came while the visitor reads further up. */
  away: boolean;
  toEnd: () => void;
}

/** Keeps the end in view when something grows, unless the visitor has scrolled up. Older lines above do not move the view. */
export function useStickToEnd(lastId: string | undefined, grows: readonly unknown[]): Stick {
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const height = useRef(0);
  const [away, setAway] = useState(false);
  const toEnd = (): void => {
    box.current?.scrollTo({ top: box.current.scrollHeight, behavior: 'auto' });
    setAway(false);
  };
  useEffect(
    () =>
      onScroll(box.current, (near) => {
        atEnd.current = near;
        if (near) setAway(false);
      }),
    [],
  );
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const grown = element.scrollHeight - height.current;
    if (atEnd.current) toEnd();
    else if (element.scrollTop < NEAR_PX && grown > 0) element.scrollTop += grown; // older lines came above
    height.current = element.scrollHeight;
  }, [...grows]);
  useLayoutEffect(() => {
    if (!atEnd.current) setAway(true);
  }, [lastId]);
  useEffect(() => onResize(box.current, () => atEnd.current && toEnd()), []);
  return { box, away, toEnd };
}

function onScroll(element: HTMLElement | null, changed: (nearEnd: boolean) => void): () => void {
  const check = (): void => {
    if (element) changed(element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_PX);
  };
  element?.addEventListener('scroll', check, { passive: true });
  return () => element?.removeEventListener('scroll', check);
}

/** The keyboard of a phone, or a card below, takes away height. */
function onResize(element: HTMLElement | null, resized: () => void): () => void {
  if (!element || typeof ResizeObserver !== 'function') return () => undefined;
  const observer = new ResizeObserver(resized);
  observer.observe(element);
  return () => observer.disconnect();
}
