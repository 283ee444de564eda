import { Check, X } from 'lucide-react';

import { useOffersClient } from '../app/context';
import { useOpen } from '../app/routes';
import { useShortcut } from '../app/shortcuts';
import { useNow } from '../app/store';
import { reasonNames } from '../conversation/words';
import { clock, duration } from '../format';
import { Avatar } from '../ui/avatar';
import { Button, Kbd } from '../ui/controls';
import { useToasts } from '../ui/toasts';
import styles from './offers.module.css';
import { useOffers, type OpenOffer } from './useOffers';

/** The conversations that the agent is asked to take, over everything else: they run out. */
export function OfferStack() {
  const open = useOffers();
  const answer = useAnswer();
  const first = open[0];
  useShortcut('accept', first === undefined ? null : () => answer.accept(first));
  useShortcut('decline', first === undefined ? null : () => answer.decline(first));
  return (
    <section className={styles.stack} aria-label="Offers" aria-live="assertive">
      {open.map((offer, place) => (
        <OfferCard key={offer.conversation_id} offer={offer} first={place === 0} answer={answer} />
      ))}
    </section>
  );
}

interface Answer {
  accept: (offer: OpenOffer) => void;
  decline: (offer: OpenOffer) => void;
}

function useAnswer(): Answer {
  const offers = useOffersClient();
  const toasts = useToasts();
  const openConversation = useOpen();
  const accept = async ({ conversation_id: id }: OpenOffer) => {
    const result = await offers.accept(id);
    if (!result.success) throw new Error(result.message);
    openConversation(id, 'mine');
  };
  return {
    accept: (offer) => void toasts.attempt(() => accept(offer)),
    decline: (offer) =>
      void toasts.attempt(() => offers.decline(offer.conversation_id), 'Declined: the next agent is asked'),
  };
}

function OfferCard({ offer, first, answer }: { offer: OpenOffer; first: boolean; answer: Answer }) {
  const name = offer.customer_name ?? 'Anonymous visitor';
  const facts = [
    offer.handoff_reason === null ? null : reasonNames[offer.handoff_reason],
    `waiting ${duration(offer.waiting_time_seconds)}`,
    offer.priority > 0 ? `priority ${offer.priority}` : null,
  ];
  return (
    <article className={styles.card} aria-label={`Offer: ${name}`}>
      <Avatar name={offer.customer_name} seed={offer.conversation_id} size={42} />
      <div className={styles.text}>
        <strong>{name}</strong>
        <span className="ellipsis">{offer.preview}</span>
        <span className={styles.facts}>{facts.filter(Boolean).join(' · ')}</span>
      </div>
      <div className={styles.buttons}>
        <Button icon={<X size={15} />} onClick={() => answer.decline(offer)}>
          Decline {first && <Kbd>x</Kbd>}
        </Button>
        <Button kind="primary" icon={<Check size={15} />} onClick={() => answer.accept(offer)}>
          Accept <Left offer={offer} /> {first && <Kbd>a</Kbd>}
        </Button>
      </div>
    </article>
  );
}

function Left({ offer }: { offer: OpenOffer }) {
  const now = useNow(1_000);
  return (
    <span className="numbers" aria-hidden="true">
      {clock(offer.endsAt - now)}
    </span>
  );
}
