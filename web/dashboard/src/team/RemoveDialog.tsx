import { useClient } from '../app/context';
import { Button } from '../ui/controls';
import { Dialog } from '../ui/dialog';
import { useToasts } from '../ui/toasts';
import type { RosterLine } from './roster';

interface RemoveDialogProps {
  line: RosterLine;
  onClose: () => void;
  onDone: () => void;
}

export function RemoveDialog({ line, onClose, onDone }: RemoveDialogProps) {
  const client = useClient();
  const toasts = useToasts();
  const invited = line.agent === null;
  const remove = async () => {
    const { member } = line;
    if (member === null) return;
    if (!(await toasts.attempt(() => client.removeMember(member.id), invited ? 'Withdrawn' : 'Removed'))) return;
    onDone();
    onClose();
  };
  const footer = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="danger" type="submit">
        {invited ? 'Withdraw' : 'Remove'}
      </Button>
    </>
  );
  return (
    <Dialog
      title={invited ? 'Withdraw the invitation?' : `Remove ${line.name}?`}
      onClose={onClose}
      onSubmit={() => void remove()}
      footer={footer}
    >
      <p>
        {invited
          ? `${line.email} can no longer join with the mail they got.`
          : 'They lose access at once. Their chats wait again at their old places in the queue.'}
      </p>
    </Dialog>
  );
}
