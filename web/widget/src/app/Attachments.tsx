import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { fileSize, isPicture } from '@supportbase/handoff';
import type { Attachment, TranscriptMessage } from '@supportbase/handoff';

import { usePanel } from './context.js';
import { FileIcon } from './icons.js';

/** The files of a message. Names and contents are a stranger's: pictures that hold no script are shown, the rest is saved. */
export function Attachments({ message }: { message: TranscriptMessage }): JSX.Element {
  return (
    <>
      {message.attachments.map((file, index) => (
        <FileCard key={index} file={file} sending={message.delivery === 'sending'} />
      ))}
    </>
  );
}

function FileCard({ file, sending }: { file: Attachment; sending: boolean }): JSX.Element {
  const { say, model, locale } = usePanel();
  const picture = usePicture(file);
  return (
    <button
      type="button"
      class="sb-file"
      disabled={file.path === ''}
      onClick={() => void model.fileUrl(file).then(save)}
    >
      <span class="sb-hidden">{say('download')} </span>
      {picture.url ? (
        <img src={picture.url} alt={file.name} referrerpolicy="no-referrer" onError={picture.broken} />
      ) : (
        <>
          <FileIcon />
          <span class="sb-file-name" dir="auto">
            {file.name}
          </span>
          <span class="sb-file-size">{fileSize(file.size, locale)}</span>
        </>
      )}
      {sending && (
        <span class="sb-progress sb-endless" aria-hidden="true">
          <span />
        </span>
      )}
    </button>
  );
}

/** The address makes the browser save the file. Another tab, so that a refusal does not take the page's place. */
function save(url: string | null): void {
  if (url === null) return;
  const link = document.createElement('a');
  link.href = url;
  link.target = '_blank';
  link.rel = 'noopener noreferrer';
  link.click();
}

/** Where the picture is, once that is known; nothing where there is none to show, or it does not load. */
function usePicture(file: Attachment): { url: string | null; broken: () => void } {
  const { model } = usePanel();
  const [url, setUrl] = useState<string | null>(null);
  const { path } = file;
  useEffect(() => {
    let gone = false;
    if (path === '' || !isPicture(file)) return undefined;
    void model.fileUrl(file, { download: false }).then((found) => {
      if (!gone) setUrl(found);
    });
    return () => {
      gone = true;
    };
  }, [path]);
  return { url, broken: () => setUrl(null) };
}
