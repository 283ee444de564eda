import type { Conversation, TeamAgent } from '@supportbase/handoff';
import { ListOrdered } from 'lucide-react';
import { useState } from 'react';

import { useClient } from '../app/context';
import { statusWords } from '../app/StatusControl';
import { useStore } from '../app/store';
import { Avatar } from '../ui/avatar';
import { Button, classes } from '../ui/controls';
import { Dialog } from '../ui/dialog';
import styles from './conversation.module.css';
import type { Actions } from './useActions';

interface TransferDialogProps {
  conversation: Conversation;
  actions: Actions;
  onClose: () => void;
}

export function TransferDialog({ conversation, actions, onClose }: TransferDialogProps) {
  const client = useClient();
  const team = useStore(client.team).data ?? [];
  const [target, setTarget] = useState<string | null>(null);
  const agents = team.filter((agent) => agent.user_id !== conversation.assigned_agent_id);
  const submit = async () => {
    if (await actions.transfer(target)) onClose();
  };
  return (
    <Dialog
      title="Transfer this conversation"
      onClose={onClose}
      onSubmit={() => void submit()}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit">
            Transfer
          </Button>
        </>
      }
    >
      <fieldset className={styles.choices}>
        <legend className="visually-hidden">To whom</legend>
        <label className={styles.choice}>
          <input type="radio" name="target" checked={target === null} onChange={() => setTarget(null)} />
          <span className={styles.choiceIcon}>
            <ListOrdered size={17} aria-hidden="true" />
          </span>
          <span>
            <strong>The queue</strong>
            <span>It keeps its place in line</span>
          </span>
        </label>
        {agents.map((agent) => (
          <AgentChoice
            key={agent.user_id}
            agent={agent}
            checked={target === agent.user_id}
            onChoose={() => setTarget(agent.user_id)}
          />
        ))}
      </fieldset>
    </Dialog>
  );
}

function AgentChoice({ agent, checked, onChoose }: { agent: TeamAgent; checked: boolean; onChoose: () => void }) {
  const { title, tone } = statusWords[agent.effective_status];
  const free = agent.available_slots;
  const reason = agent.effective_status === 'online' ? `${free} free ${free === 1 ? 'slot' : 'slots'}` : title;
  const possible = agent.effective_status === 'online' && free > 0;
  return (
    <label className={classes(styles.choice, !possible && styles.choiceOff)}>
      <input type="radio" name="target" checked={checked} disabled={!possible} onChange={onChoose} />
      <Avatar name={agent.name ?? agent.email} seed={agent.user_id} image={agent.avatar_url} size={34} dot={tone} />
      <span>
        <strong>{agent.name ?? agent.email}</strong>
        <span>{[reason, ...agent.skills].join(' · ')}</span>
      </span>
    </label>
  );
}
