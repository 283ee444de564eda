import type { Conversation, ConversationView } from '@supportbase/handoff';
import { useState } from 'react';

import { Button, Field, inputClass } from '../ui/controls';
import { Dialog } from '../ui/dialog';
import { useToasts } from '../ui/toasts';
import { WordsInput } from '../ui/words';

interface TagsDialogProps {
  view: ConversationView;
  conversation: Conversation;
  onClose: () => void;
}

const PRIORITIES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

export function TagsDialog({ view, conversation, onClose }: TagsDialogProps) {
  const toasts = useToasts();
  const [tags, setTags] = useState<readonly string[]>(conversation.tags);
  const [skills, setSkills] = useState<readonly string[]>(conversation.required_skills);
  const [priority, setPriority] = useState(conversation.priority);
  const save = async () => {
    const saved = await toasts.attempt(async () => {
      await view.setTags([...tags]);
      await view.setRequiredSkills([...skills]);
      await view.setPriority(priority);
    });
    if (saved) onClose();
  };
  return (
    <Dialog
      title="Tags and priority"
      onClose={onClose}
      onSubmit={() => void save()}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit">
            Save
          </Button>
        </>
      }
    >
      <WordsInput label="Tags" words={tags} onChange={setTags} placeholder="billing, refund …" />
      <WordsInput
        label="Required skills"
        hint="Only agents with all of them are given this conversation."
        words={skills}
        onChange={setSkills}
        placeholder="français …"
      />
      <Field label="Priority" hint="Higher ones leave the queue first.">
        {(ids) => (
          <select
            className={inputClass}
            {...ids}
            value={priority}
            onChange={(event) => setPriority(Number(event.target.value))}
          >
            {PRIORITIES.map((one) => (
              <option key={one} value={one}>
                {one === 0 ? 'Normal' : one}
              </option>
            ))}
          </select>
        )}
      </Field>
    </Dialog>
  );
}
