// Every page without a server, to look at: `npx vite -w dashboard`, then /dashboard/test/gallery.html#/inbox/all/mike.
import '@fontsource-variable/inter';

import { createRoot } from 'react-dom/client';
import { Router } from 'wouter';
import { useHashLocation } from 'wouter/use-hash-location';

import { ClientContext, OffersContext, PlaybookContext } from '../src/app/context';
import { Shell } from '../src/app/Shell';
import { applyTheme } from '../src/app/theme';
import '../src/ui/base.css';
import '../src/ui/tokens.css';
import { ToastProvider } from '../src/ui/toasts';
import { fakeClient, fakeOffers, fakePlaybook } from './fake';

const client = fakeClient();
const playbook = fakePlaybook();
const offers = location.search === '?offer' ? fakeOffers() : { ...fakeOffers(), open: () => Promise.resolve([]) };
const root = document.getElementById('root');
if (root === null) throw new Error('gallery.html has no #root');
applyTheme();
createRoot(root).render(
  <ToastProvider>
    <Router hook={useHashLocation}>
      <ClientContext value={client}>
        <PlaybookContext value={playbook}>
          <OffersContext value={offers}>
            <Shell onSignOut={() => undefined} />
          </OffersContext>
        </PlaybookContext>
      </ClientContext>
    </Router>
  </ToastProvider>,
);
