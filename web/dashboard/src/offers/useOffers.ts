import type { Offer } from '@supportbase/handoff';
import { useEffect, useState } from 'react';

import { useOffersClient } from '../app/context';
import { useEvents, useLoad } from '../app/load';

const RETRY_MS = 3_000;

/** An open offer, and when it ends by the clock of this page. */
export interface OpenOffer extends Offer {
  endsAt: number;
}

/** The agent's open offers, read again whenever one comes or goes. */
export function useOffers(): readonly OpenOffer[] {
  const offers = useOffersClient();
  const { data, error, reload } = useLoad('offers', async () => withEnds(await offers.open()));
  useEffect(() => {
    if (error === null) return;
    const timer = setTimeout(reload, RETRY_MS); // an offer that cannot be read runs out unseen
    return () => clearTimeout(timer);
  }, [error, reload]);
  useEvents(['conversation_offered', 'offer_ended'], reload);
  const open = useUnexpired(data ?? []);
  return open;
}

function withEnds(offers: readonly Offer[]): OpenOffer[] {
  const now = Date.now();
  return offers.map((offer) => ({ ...offer, endsAt: now + offer.expires_in_seconds * 1000 }));
}

/** Leaves out those whose time is over: the worker may be a moment behind. */
function useUnexpired(offers: readonly OpenOffer[]): readonly OpenOffer[] {
  const [now, setNow] = useState(() => Date.now());
  const next = Math.min(...offers.map(({ endsAt }) => endsAt).filter((endsAt) => endsAt > now));
  useEffect(() => {
    if (!Number.isFinite(next)) return;
    const timer = setTimeout(() => setNow(Date.now()), Math.max(0, next - Date.now()) + 50);
    return () => clearTimeout(timer);
  }, [next]);
  return offers.filter(({ endsAt }) => endsAt > now);
}
