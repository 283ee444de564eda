/**
 * The element on the page that holds the widget. The page is taken as hostile: its style sheets, its content security policy
 * and its scripts that clean up what they do not know.
 */

/** The id of the element: pages set the theme's variables on it. */
export const HOST_ID = 'supportbase-handoff';

/** Above what pages usually stack, below the largest number, so that a page can still be above. */
const Z_INDEX = '2147483000';

/** Inline and important: only so can no rule of the page win. `all` leaves custom properties alone, which carry the theme. */
const HOST_STYLE: readonly (readonly [string, string])[] = [
  ['all', 'initial'],
  ['display', 'block'],
  ['position', 'fixed'],
  ['inset', 'auto 0 0 auto'],
  ['width', '0'],
  ['height', '0'],
  ['z-index', Z_INDEX],
];

export interface Host {
  readonly element: HTMLElement;
  readonly root: ShadowRoot;
  /** Adds a style sheet to the widget. */
  addStyle(css: string): void;
  /** Takes the widget off the page. */
  remove(): void;
}

/** Makes the host and keeps it on the page: one that replaces its body (as Turbo does) gets it again. */
export function createHost(): Host {
  const element = document.createElement('div');
  element.id = HOST_ID;
  for (const [name, value] of HOST_STYLE) element.style.setProperty(name, value, 'important');
  const root = element.attachShadow({ mode: 'open' });
  keepKeysInside(root);
  document.body.append(element);
  const observer = new MutationObserver(() => {
    if (!element.isConnected) document.body.append(element);
    observer.observe(document.body, { childList: true }); // it may be another body now; the same one twice is once
  });
  observer.observe(document.documentElement, { childList: true });
  observer.observe(document.body, { childList: true });
  return {
    element,
    root,
    addStyle: (css) => addStyle(root, css),
    remove: () => {
      observer.disconnect();
      element.remove();
    },
  };
}

/** Typing in the chat is no shortcut of the page. */
function keepKeysInside(root: ShadowRoot): void {
  for (const name of ['keydown', 'keyup', 'keypress']) root.addEventListener(name, (event) => event.stopPropagation());
}

/** A constructed sheet needs no `unsafe-inline` of the page's policy; old browsers get an element. */
function addStyle(root: ShadowRoot, css: string): void {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  } catch {
    const element = document.createElement('style');
    element.textContent = css;
    root.prepend(element);
  }
}
