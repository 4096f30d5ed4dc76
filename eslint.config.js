import js from '@eslint/js'
import tseslint from 'typescript-eslint'

export default tseslint.config(
  { ignores: ['dist/', 'reports/', '.millrace/', '.venv/', 'cdk.out/', 'node_modules/'] },
  js.configs.recommended,
  tseslint.configs.strict,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeCheckedOnly],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      // An index proven in range (a loop's own bound) reads best as `row[j]!`.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // A port's method is async by contract, also where one adapter has nothing to await.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['**/*.js'],
    languageOptions: { globals: { console: 'readonly', process: 'readonly' } },
  },
  {
    files: ['cli/**/*.ts', 'bench/**/*.ts', 'examples/**/*.ts', '.ci/**/*.ts', 'test/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
)
