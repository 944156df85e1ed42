"""The sentences for users in other languages: catalogues, and looking up sentences in them.

Rules:

1. The core and the log have all sentences in English, for operators. What is sent to a user may be in another language.
2. Sentences that are put together of others are taken apart again, and each is looked up.
3. What is not in a catalogue stays English. A test fails for a sentence without a translation, and for a translation
   that no sentence uses.
"""
