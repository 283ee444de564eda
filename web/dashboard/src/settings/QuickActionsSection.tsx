import { HandoffError, type QuickAction } from '@supportbase/handoff';
import { Pencil, Plus, Trash2, Zap } from 'lucide-react';
import { useState } from 'react';

import { useIsAdmin, usePlaybook } from '../app/context';
import { useEvents, useLoad } from '../app/load';
import { Button, IconButton, TextField } from '../ui/controls';
import { Dialog } from '../ui/dialog';
import { Banner, Empty } from '../ui/feedback';
import page from '../ui/page.module.css';
import { messageOf, useToasts } from '../ui/toasts';
import styles from './settings.module.css';

export function QuickActionsSection() {
  const playbook = usePlaybook();
  const toasts = useToasts();
  const isAdmin = useIsAdmin();
  const { data, error, reload } = useLoad('actions', () => playbook.quickActions());
  useEvents(['settings_changed'], reload);
  const [editing, setEditing] = useState<QuickAction | 'new' | null>(null);
  const remove = async (id: string) => {
    if (await toasts.attempt(() => playbook.deleteQuickAction(id))) reload();
  };
  return (
    <>
      <header className={page.head}>
        <h1>Quick actions</h1>
        <p>Links beside every conversation, filled from its customer.</p>
        {isAdmin && (
          <Button kind="primary" icon={<Plus size={16} />} onClick={() => setEditing('new')}>
            New action
          </Button>
        )}
      </header>
      {error !== null && <Banner tone="red">{messageOf(error)}</Banner>}
      <section className={page.card}>
        {data?.length === 0 && (
          <Empty icon={<Zap size={24} />} title="No quick actions yet">
            <p>For example the customer’s account in your admin.</p>
          </Empty>
        )}
        <ul className={styles.rows}>
          {data?.map((action) => (
            <li key={action.id}>
              <strong>{action.label}</strong>
              <p>{action.link}</p>
              {isAdmin && (
                <span className={styles.lineEnd}>
                  <IconButton label={`Edit ${action.label}`} small onClick={() => setEditing(action)}>
                    <Pencil size={14} />
                  </IconButton>
                  <IconButton label={`Delete ${action.label}`} small onClick={() => void remove(action.id)}>
                    <Trash2 size={14} />
                  </IconButton>
                </span>
              )}
            </li>
          ))}
        </ul>
      </section>
      {editing !== null && (
        <ActionDialog
          action={editing === 'new' ? null : editing}
          position={data?.length ?? 0}
          onClose={() => setEditing(null)}
          onDone={reload}
        />
      )}
    </>
  );
}

interface ActionDialogProps {
  action: QuickAction | null;
  position: number;
  onClose: () => void;
  onDone: () => void;
}

function ActionDialog({ action, position, onClose, onDone }: ActionDialogProps) {
  const playbook = usePlaybook();
  const toasts = useToasts();
  const [label, setLabel] = useState(action?.label ?? '');
  const [link, setLink] = useState(action?.link ?? 'https://');
  const [errors, setErrors] = useState<{ label?: string; link?: string }>({});
  const save = async () => {
    if (label.trim() === '') {
      setErrors({ label: 'Give it a name' });
      return;
    }
    const place = action === null ? { position } : { id: action.id };
    try {
      await playbook.saveQuickAction({ ...place, label: label.trim(), link: link.trim() });
      onDone();
      onClose();
    } catch (error) {
      if (error instanceof HandoffError && error.code === 'link_invalid') setErrors({ link: messageOf(error) });
      else toasts.fail(error);
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
      title={action === null ? 'New quick action' : 'Edit quick action'}
      width={540}
      onClose={onClose}
      onSubmit={() => void save()}
      footer={footer}
    >
      <TextField
        label="Name"
        placeholder="View account"
        maxLength={60}
        error={errors.label}
        value={label}
        onChange={(event) => setLabel(event.target.value)}
      />
      <TextField
        label="Link"
        maxLength={2000}
        error={errors.link}
        hint="https, mailto or tel. {email}, {name}, {customer_id}, {visitor_id}, {conversation_id} and {metadata.key} are filled in, URL-encoded."
        value={link}
        onChange={(event) => {
          setLink(event.target.value);
          setErrors({});
        }}
      />
    </Dialog>
  );
}
