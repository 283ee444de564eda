import type { CannedResponse } from '@supportbase/handoff';

import { usePlaybook } from '../app/context';
import { useEvents, useLoad } from '../app/load';

/** The project's canned responses, read again when they change. */
export function useCanned(): readonly CannedResponse[] {
  const playbook = usePlaybook();
  const { data, reload } = useLoad('canned', () => playbook.cannedResponses());
  useEvents(['settings_changed'], reload);
  return data ?? [];
}
