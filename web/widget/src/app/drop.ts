import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** More at once is a slip of the hand. */
const MOST = 5;

/** The files of a paste, a drop or a choice. */
export function filesOf(source: { files: FileList | null } | null): File[] {
  return Array.from(source?.files ?? []).slice(0, MOST);
}

/** Takes what is dropped on the panel around the element, and says whether something hangs over it. */
export function useDrop(element: RefObject<HTMLElement | null>, onFiles: (files: File[]) => void): boolean {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const panel = element.current?.closest<HTMLElement>('.sb-panel');
    if (!panel) return undefined;
    const hover = (event: DragEvent): void => {
      if (event.dataTransfer?.types.includes('Files') !== true) return;
      event.preventDefault(); // the browser would leave the page for the file
      setOver(true);
    };
    const leave = (event: DragEvent): void => {
      if (!panel.contains(event.relatedTarget as Node | null)) setOver(false);
    };
    const drop = (event: DragEvent): void => {
      setOver(false);
      const files = filesOf(event.dataTransfer);
      if (files.length === 0) return;
      event.preventDefault();
      onFiles(files);
    };
    panel.addEventListener('dragover', hover);
    panel.addEventListener('dragleave', leave);
    panel.addEventListener('drop', drop);
    return () => {
      panel.removeEventListener('dragover', hover);
      panel.removeEventListener('dragleave', leave);
      panel.removeEventListener('drop', drop);
    };
  }, []);
  return over;
}
