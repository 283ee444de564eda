// Type-aware rules for the TypeScript packages. The plain .mjs programs (demo, conformance, chaos) are checked by node and
// prettier.
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '**/*.mjs', '**/*.js'] },
  {
    files: ['*/**/*.ts', '*/**/*.tsx'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      // Numbers in texts need no String(): what they print is what is meant.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Arrow functions that call a function for its effect are everywhere in listeners.
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
    },
  },
  {
    // Fakes answer with promises where the real thing waits.
    files: ['widget/gallery/**', 'widget/test/**'],
    rules: { '@typescript-eslint/require-await': 'off' },
  },
  {
    files: ['dashboard/**/*.ts', 'dashboard/**/*.tsx'],
    extends: [reactHooks.configs.flat.recommended],
  },
);
