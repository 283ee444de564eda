/** Drawn for this widget, on a grid of 24, in the text's colour. */
import type { ComponentChildren, JSX } from 'preact';

function Icon({ children, filled = false }: { children: ComponentChildren; filled?: boolean }): JSX.Element {
  return (
    <svg class="sb-icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <g
        fill={filled ? 'currentColor' : 'none'}
        stroke={filled ? 'none' : 'currentColor'}
        stroke-width="1.9"
        stroke-linecap="round"
        stroke-linejoin="round"
      >
        {children}
      </g>
    </svg>
  );
}

export const BotIcon = (): JSX.Element => (
  <Icon>
    <rect x="4" y="8" width="16" height="11.5" rx="4.2" />
    <path d="M12 8V4.800M9.300 12.700v1.600M14.700 12.700v1.600" />
    <circle cx="12" cy="3.600" r="1.100" fill="currentColor" stroke="none" />
    <path d="M1.900 12.600v2.800M22.100 12.600v2.800" />
  </Icon>
);
export const ClockIcon = (): JSX.Element => (
  <Icon>
    <circle cx="12" cy="12" r="8.600" />
    <path d="M12 7.200V12l3.200 2" />
  </Icon>
);
export const MoonIcon = (): JSX.Element => (
  <Icon>
    <path d="M20 14.300A8.400 8.400 0 0 1 9.700 4a8.400 8.400 0 1 0 10.300 10.300Z" />
  </Icon>
);
export const CheckIcon = (): JSX.Element => (
  <Icon>
    <path d="m5 12.600 4.700 4.600L19 7.600" />
  </Icon>
);
export const ChevronDownIcon = (): JSX.Element => (
  <Icon>
    <path d="m6 9.500 6 6 6-6" />
  </Icon>
);
export const CloseIcon = (): JSX.Element => (
  <Icon>
    <path d="m6.500 6.500 11 11M17.500 6.500l-11 11" />
  </Icon>
);
export const DotsIcon = (): JSX.Element => (
  <Icon filled>
    <circle cx="5.500" cy="12" r="1.700" />
    <circle cx="12" cy="12" r="1.700" />
    <circle cx="18.500" cy="12" r="1.700" />
  </Icon>
);
export const SendIcon = (): JSX.Element => (
  <Icon>
    <path d="M12 19V5.500M6 11.200l6-6 6 6" stroke-width="2.300" />
  </Icon>
);
export const ClipIcon = (): JSX.Element => (
  <Icon>
    <path d="m19.500 11.200-7.700 7.700a4.600 4.600 0 0 1-6.500-6.500l8-8a3.100 3.100 0 0 1 4.400 4.400l-7.900 7.900a1.600 1.600 0 0 1-2.200-2.200l7.200-7.200" />
  </Icon>
);
export const FileIcon = (): JSX.Element => (
  <Icon>
    <path d="M13.500 3.500H7.600A2.100 2.100 0 0 0 5.500 5.600v12.800a2.100 2.100 0 0 0 2.100 2.100h8.800a2.100 2.100 0 0 0 2.100-2.100V8.500zM13.500 3.500v5h5" />
  </Icon>
);
export const PersonIcon = (): JSX.Element => (
  <Icon>
    <circle cx="12" cy="8" r="3.700" />
    <path d="M4.900 19.700c.9-3.500 3.700-5.300 7.100-5.300s6.200 1.800 7.100 5.300" />
  </Icon>
);
export const MailIcon = (): JSX.Element => (
  <Icon>
    <rect x="3.200" y="5.500" width="17.600" height="13" rx="2.800" />
    <path d="m4.500 7.500 7.500 5.700 7.500-5.700" />
  </Icon>
);
export const AlertIcon = (): JSX.Element => (
  <Icon>
    <circle cx="12" cy="12" r="8.600" />
    <path d="M12 7.800v5M12 16.100v.1" />
  </Icon>
);
export const ArrowIcon = (): JSX.Element => (
  <Icon>
    <path d="M5 12h13.500M13 6.500l5.500 5.500-5.500 5.500" />
  </Icon>
);
export const WifiOffIcon = (): JSX.Element => (
  <Icon>
    <path d="M4 4l16 16M8.500 15.300a5 5 0 0 1 7 0M5.300 12a9.600 9.600 0 0 1 4.200-2.400M18.700 12a9.600 9.600 0 0 0-3.300-2.200M2.500 8.700a14 14 0 0 1 4.200-2.600M21.500 8.700a14 14 0 0 0-10-3.500M12 19v.1" />
  </Icon>
);
export const StarIcon = (): JSX.Element => (
  <Icon filled>
    <path d="M12 2.900c.4 0 .8.200 1 .6l2.200 4.500 5 .7c.9.100 1.300 1.300.6 1.900l-3.600 3.500.9 5c.1.900-.8 1.600-1.600 1.200L12 18l-4.500 2.300c-.8.400-1.700-.3-1.600-1.200l.9-5-3.600-3.500c-.7-.6-.3-1.800.6-1.900l5-.7L11 3.500c.2-.4.600-.6 1-.6Z" />
  </Icon>
);
export const RefreshIcon = (): JSX.Element => (
  <Icon>
    <path d="M19.500 12a7.500 7.500 0 1 1-2.300-5.400M19.600 3.700v4h-4" />
  </Icon>
);
