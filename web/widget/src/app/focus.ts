import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';

const FOCUSABLE = 'a[href], button:not([disabled]), input, textarea, [tabindex="0"]';
/** Where the panel covers the page, the focus must not leave it. */
const COVERS = '(max-width: 480px)';

/** Escape closes; on a small screen Tab goes round inside. */
export function useKeyboard(panel: RefObject<HTMLElement | null>, open: boolean, close: () => void): void {
  useEffect(() => {
    const element = panel.current;
    if (!element || !open) return undefined;
    const press = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') close();
      else if (event.key === 'Tab' && window.matchMedia(COVERS).matches) goRound(element, event);
    };
    element.addEventListener('keydown', press);
    return () => element.removeEventListener('keydown', press);
  }, [open]);
}

function goRound(panel: HTMLElement, event: KeyboardEvent): void {
  const all = [...panel.querySelectorAll<HTMLElement>(FOCUSABLE)].filter((one) => one.offsetParent !== null);
  const [first, last] = [all[0], all.at(-1)];
  const active = (panel.getRootNode() as ShadowRoot).activeElement;
  const leaves = event.shiftKey ? active === first || active === panel : active === last;
  if (!leaves) return;
  event.preventDefault();
  (event.shiftKey ? last : first)?.focus();
}
