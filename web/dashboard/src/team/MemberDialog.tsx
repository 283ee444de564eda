import type { AgentStatus, Member } from '@supportbase/handoff';
import { useState } from 'react';

import { useClient } from '../app/context';
import { statusWords } from '../app/StatusControl';
import { Button, Field, inputClass, TextField } from '../ui/controls';
import { Dialog } from '../ui/dialog';
import { useToasts } from '../ui/toasts';
import { WordsInput } from '../ui/words';
import { RoleField } from './InviteDialog';
import { limitError } from './limits';
import type { RosterLine } from './roster';

interface MemberDialogProps {
  line: RosterLine;
  onClose: () => void;
  onDone: () => void;
}

/** Name, role, limit, skills, and an admin's override of the status. */
export function MemberDialog({ line, onClose, onDone }: MemberDialogProps) {
  const { agent, member } = line;
  const client = useClient();
  const toasts = useToasts();
  const [name, setName] = useState(member?.name ?? '');
  const [role, setRole] = useState<'agent' | 'admin'>(member?.role ?? 'agent');
  const [chats, setChats] = useState(String(member?.max_concurrent_chats ?? 5));
  const [skills, setSkills] = useState<readonly string[]>(agent?.skills ?? []);
  const [status, setStatus] = useState<AgentStatus | null>(agent?.status ?? null);
  const wrong = limitError(chats);
  const save = async () => {
    if (member !== null && wrong !== undefined) return;
    const saved = await toasts.attempt(async () => {
      if (member !== null)
        await client.changeMember(member.id, changes(member, { name: name.trim(), role, chats: Number(chats) }));
      if (agent === null) return;
      if (skills.join() !== agent.skills.join()) await client.setSkills([...skills], agent.user_id);
      if (status !== null && status !== agent.status) await client.setStatus(status, agent.user_id);
    }, 'Saved');
    if (!saved) return;
    onDone();
    onClose();
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
    <Dialog title={line.name} onClose={onClose} onSubmit={() => void save()} footer={footer}>
      {member !== null && (
        <>
          <TextField
            label="Name (as customers see it)"
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
          <RoleField role={role} onChange={setRole} />
          <TextField
            label="Chats at once"
            type="number"
            min={1}
            max={50}
            value={chats}
            error={wrong}
            hint="A lower limit takes nothing away; it counts from the next chat."
            onChange={(event) => setChats(event.target.value)}
          />
        </>
      )}
      {agent !== null && (
        <>
          <WordsInput
            label="Skills"
            hint="Conversations that need a skill go only to agents who have it."
            words={skills}
            onChange={setSkills}
          />
          <StatusField status={status} onChange={setStatus} />
        </>
      )}
    </Dialog>
  );
}

function changes(member: Member, next: { name: string; role: 'agent' | 'admin'; chats: number }) {
  return {
    ...(next.name === (member.name ?? '') ? {} : { name: next.name }),
    ...(next.role === member.role ? {} : { role: next.role }),
    ...(next.chats === member.max_concurrent_chats ? {} : { maxConcurrentChats: next.chats }),
  };
}

function StatusField({ status, onChange }: { status: AgentStatus | null; onChange: (status: AgentStatus) => void }) {
  return (
    <Field label="Status" hint="Set for them; they can change it back.">
      {(ids) => (
        <select
          className={inputClass}
          {...ids}
          value={status ?? 'offline'}
          onChange={(event) => onChange(event.target.value as AgentStatus)}
        >
          {Object.entries(statusWords).map(([id, words]) => (
            <option key={id} value={id}>
              {words.title}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
