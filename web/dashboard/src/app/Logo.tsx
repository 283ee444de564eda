export function Logo({ size }: { size: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="9" fill="#4f46e5" />
      <path
        d="M12.2 9h7.600a3.2 3.2 0 0 1 3.2 3.200v4.600a3.2 3.2 0 0 1-3.2 3.200h-3.300l-4.2 3.300c-.5.4-1.2.1-1.2-.6V20A3.2 3.2 0 0 1 9 16.800v-4.600A3.2 3.2 0 0 1 12.2 9z"
        fill="#fff"
      />
    </svg>
  );
}
