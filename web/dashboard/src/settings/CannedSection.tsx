import { HandoffError, type CannedResponse } from '@supportbase/handoff';
import { BookText, Pencil, Plus, Trash2 } from 'lucide-react';
import { useState } from 'react';

import { useIsAdmin, usePlaybook } from '../app/context';
import { useEvents, useLoad } from '../app/load';
import { Button, Field, IconButton, inputClass, TextField } from '../ui/controls';
import { Dialog } from '../ui/dialog';
import { Banner, Empty } from '../ui/feedback';
import page from '../ui/page.module.css';
import { messageOf, useToasts } from '../ui/toasts';
import styles from './settings.module.css';

export function CannedSection() {
  const playbook = usePlaybook();
  const toasts = useToasts();
  const isAdmin = useIsAdmin();
  const { data, error, reload } = useLoad('canned', () => playbook.cannedResponses());
  useEvents(['settings_changed'], reload);
  const [editing, setEditing] = useState<CannedResponse | 'new' | null>(null);
  const remove = async (id: string) => {
    if (await toasts.attempt(() => playbook.deleteCannedResponse(id))) reload();
  };
  return (
    <>
      <header className={page.head}>
        <h1>Canned responses</h1>
        <p>Agents type / and the shortcut to insert them.</p>
        {isAdmin && (
          <Button kind="primary" icon={<Plus size={16} />} onClick={() => setEditing('new')}>
            New response
          </Button>
        )}
      </header>
      {error !== null && <Banner tone="red">{messageOf(error)}</Banner>}
      <section className={page.card}>
        {data?.length === 0 && (
          <Empty icon={<BookText size={24} />} title="No canned responses yet">
            <p>Write down what your team says ten times a day.</p>
          </Empty>
        )}
        <ul className={styles.rows}>
          {data?.map((response) => (
            <li key={response.id}>
              <code>/{response.shortcut}</code>
              <p>{response.content}</p>
              {isAdmin && (
                <span className={styles.lineEnd}>
                  <IconButton label={`Edit /${response.shortcut}`} small onClick={() => setEditing(response)}>
                    <Pencil size={14} />
                  </IconButton>
                  <IconButton label={`Delete /${response.shortcut}`} small onClick={() => void remove(response.id)}>
                    <Trash2 size={14} />
                  </IconButton>
                </span>
              )}
            </li>
          ))}
        </ul>
      </section>
      {editing !== null && (
        <CannedDialog response={editing === 'new' ? null : editing} onClose={() => setEditing(null)} onDone={reload} />
      )}
    </>
  );
}

interface CannedDialogProps {
  response: CannedResponse | null;
  onClose: () => void;
  onDone: () => void;
}

function CannedDialog({ response, onClose, onDone }: CannedDialogProps) {
  const playbook = usePlaybook();
  const toasts = useToasts();
  const [shortcut, setShortcut] = useState(response?.shortcut ?? '');
  const [content, setContent] = useState(response?.content ?? '');
  const [errors, setErrors] = useState<{ shortcut?: string; content?: string }>({});
  const save = async () => {
    if (content.trim() === '') {
      setErrors({ content: 'Write what is to be inserted' });
      return;
    }
    try {
      await playbook.saveCannedResponse({
        ...(response === null ? {} : { id: response.id }),
        shortcut,
        content: content.trim(),
      });
      onDone();
      onClose();
    } catch (error) {
      const wrong = shortcutError(error);
      if (wrong === null) toasts.fail(error);
      else setErrors({ shortcut: wrong });
    }
  };
  const footer = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="primary" type="submit">
        Save
      </Button>
    </>
  );
  return (
    <Dialog
      title={response === null ? 'New canned response' : 'Edit canned response'}
      width={540}
      onClose={onClose}
      onSubmit={() => void save()}
      footer={footer}
    >
      <TextField
        label="Shortcut"
        hint="One word: letters, digits, - and _"
        placeholder="refund"
        error={errors.shortcut}
        value={shortcut}
        onChange={(event) => {
          setShortcut(event.target.value);
          setErrors({});
        }}
      />
      <Field label="Text" hint="{name}, {email} and {agent} are filled in." error={errors.content}>
        {(ids) => (
          <textarea
            {...ids}
            rows={6}
            maxLength={10_000}
            className={inputClass}
            value={content}
            onChange={(event) => {
              setContent(event.target.value);
              setErrors({});
            }}
          />
        )}
      </Field>
    </Dialog>
  );
}

function shortcutError(error: unknown): string | null {
  if (!(error instanceof HandoffError)) return null;
  if (error.code === 'shortcut_invalid') return error.message;
  return error.status === 409 ? 'Another response has this shortcut' : null;
}
