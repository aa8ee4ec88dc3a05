def prompt_words(p):
    return [w.strip() for w in p.split(",")]
