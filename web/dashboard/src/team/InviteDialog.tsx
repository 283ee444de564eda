import { HandoffError } from '@supportbase/handoff';
import { useState } from 'react';

import { useClient } from '../app/context';
import { useStore } from '../app/store';
import { Button, Field, inputClass, TextField } from '../ui/controls';
import { Dialog } from '../ui/dialog';
import { messageOf, useToasts } from '../ui/toasts';
import { limitError } from './limits';

export function InviteDialog({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const client = useClient();
  const toasts = useToasts();
  const limit = useStore(client.settings).data?.default_max_concurrent_chats ?? 5;
  const [email, setEmail] = useState('');
  const [name, setName] = useState('');
  const [role, setRole] = useState<'agent' | 'admin'>('agent');
  const [chats, setChats] = useState(String(limit));
  const [error, setError] = useState<{ email?: string; chats?: string }>({});
  const submit = async () => {
    const wrong = limitError(chats);
    if (wrong !== undefined) {
      setError({ chats: wrong });
      return;
    }
    try {
      const given = name.trim() === '' ? {} : { name: name.trim() };
      await client.inviteMember({ email: email.trim(), role, maxConcurrentChats: Number(chats), ...given });
      toasts.say(`${email.trim()} was invited`);
      onDone();
      onClose();
    } catch (refusal) {
      const aboutEmail =
        refusal instanceof HandoffError && ['email_invalid', 'already_a_member'].includes(refusal.code);
      if (aboutEmail) setError({ email: messageOf(refusal) });
      else toasts.fail(refusal);
    }
  };
  const footer = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="primary" type="submit">
        Send invitation
      </Button>
    </>
  );
  return (
    <Dialog title="Invite to the team" onClose={onClose} onSubmit={() => void submit()} footer={footer}>
      <TextField
        label="Email"
        type="email"
        autoComplete="off"
        value={email}
        error={error.email}
        hint="The invitation is good for seven days and for this address only."
        onChange={(event) => {
          setEmail(event.target.value);
          setError({});
        }}
      />
      <TextField label="Name (as customers see it)" value={name} onChange={(event) => setName(event.target.value)} />
      <RoleField role={role} onChange={setRole} />
      <TextField
        label="Chats at once"
        type="number"
        min={1}
        max={50}
        value={chats}
        error={error.chats}
        onChange={(event) => {
          setChats(event.target.value);
          setError({});
        }}
      />
    </Dialog>
  );
}

export function RoleField({
  role,
  onChange,
}: {
  role: 'agent' | 'admin';
  onChange: (role: 'agent' | 'admin') => void;
}) {
  return (
    <Field
      label="Role"
      hint={role === 'admin' ? 'Answers, and changes settings and the team.' : 'Answers conversations.'}
    >
      {(ids) => (
        <select
          className={inputClass}
          {...ids}
          value={role}
          onChange={(event) => onChange(event.target.value === 'admin' ? 'admin' : 'agent')}
        >
          <option value="agent">Agent</option>
          <option value="admin">Admin</option>
        </select>
      )}
    </Field>
  );
}
