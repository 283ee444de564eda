import { Paperclip } from 'lucide-react';
import { useRef } from 'react';

import { IconButton } from '../ui/controls';

/** More at once is a slip of the hand. */
const MOST = 5;

/** The files of a paste, a drop or a choice. */
export function filesOf(source: { files: FileList | null }): File[] {
  return Array.from(source.files ?? []).slice(0, MOST);
}

/** Lets the agent choose files, which go to the customer at once, each as a message of its own. */
export function AttachButton({ onFiles }: { onFiles: (files: File[]) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <IconButton small label="Attach files" onClick={() => input.current?.click()}>
        <Paperclip size={15} />
      </IconButton>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Files"
        onChange={({ currentTarget }) => {
          onFiles(filesOf(currentTarget));
          currentTarget.value = ''; // the same file may be chosen again
        }}
      />
    </>
  );
}
