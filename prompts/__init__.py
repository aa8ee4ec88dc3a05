"""Words to choices: prompt templates and the vocabularies they draw from."""
