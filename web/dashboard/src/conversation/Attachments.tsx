import {
  fileSize,
  isPicture,
  type Attachment,
  type ConversationView,
  type TranscriptMessage,
} from '@supportbase/handoff';
import { FileText, LoaderCircle } from 'lucide-react';
import { useEffect, useState } from 'react';

import { useToasts } from '../ui/toasts';
import styles from './conversation.module.css';

/** The files of a message. Names and contents are a stranger's: pictures that hold no script are shown, the rest is saved. */
export function Attachments({ message, view }: { message: TranscriptMessage; view: ConversationView }) {
  return message.attachments.map((file, place) => (
    <FileCard key={place} file={file} sending={message.delivery === 'sending'} view={view} />
  ));
}

function FileCard({ file, sending, view }: { file: Attachment; sending: boolean; view: ConversationView }) {
  const toasts = useToasts();
  const [picture, setPicture] = usePicture(file, view);
  return (
    <button
      type="button"
      className={styles.file}
      disabled={file.path === ''}
      title={`Download ${file.name}`}
      onClick={() => void toasts.attempt(async () => save(await view.attachmentUrl(file)))}
    >
      <span className="visually-hidden">Download </span>
      {picture === null ? (
        <>
          {sending ? (
            <LoaderCircle size={16} className={styles.spin} aria-hidden="true" />
          ) : (
            <FileText size={16} aria-hidden="true" />
          )}
          <span className={styles.fileName} dir="auto">
            {file.name}
          </span>
          <span className={styles.fileSize}>{fileSize(file.size, 'en')}</span>
        </>
      ) : (
        <img src={picture} alt={file.name} referrerPolicy="no-referrer" onError={() => setPicture(null)} />
      )}
    </button>
  );
}

/** The address makes the browser save the file. Another tab, so that a refusal does not take the page's place. */
function save(url: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.target = '_blank';
  link.rel = 'noopener noreferrer';
  link.click();
}

/** Where the picture is, once that is known; null where there is none to show. */
function usePicture(file: Attachment, view: ConversationView) {
  const state = useState<string | null>(null);
  const [, setUrl] = state;
  const { path, mime_type: type } = file;
  useEffect(() => {
    if (path === '' || !isPicture({ mime_type: type })) return undefined;
    let gone = false;
    view.attachmentUrl({ path, mime_type: type, name: '', size: 0 }, { download: false }).then(
      (url) => {
        if (!gone) setUrl(url);
      },
      () => undefined, // the card says what it is, and a press says why it cannot be had
    );
    return () => {
      gone = true;
    };
  }, [path, type, view, setUrl]);
  return state;
}
