"""Words as numbers: tf.contrib.learn.preprocessing.

Source   TensorFlow 1.15, tf.contrib.learn.preprocessing.VocabularyProcessor. Words are numbered in order
         of appearance, or, with min_frequency, by how often they appear; 0 is the unknown word and padding.
"""
import pickle
import re

import numpy as np

TOKENIZER_RE = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z][a-z]+(?=[A-Z])|[\'\w\-]+", re.UNICODE)


def tokenizer(iterator):
    """Yields the words of each text."""
    for text in iterator:
        yield TOKENIZER_RE.findall(text)


class CategoricalVocabulary:
    """A dictionary of words that gives each new word the next id, until it is frozen."""

    def __init__(self, unknown_token="<UNK>", support_reverse=True):
        self._unknown_token = unknown_token
        self._mapping = {unknown_token: 0}
        self._reverse_mapping = [unknown_token]
        self._freq = {}
        self._freeze = False

    def __len__(self):
        return len(self._mapping)

    def freeze(self, freeze=True):
        self._freeze = freeze

    def get(self, category):
        """The id of a word; a new word gets one, or 0 once the vocabulary is frozen."""
        if category not in self._mapping:
            if self._freeze:
                return 0
            self._mapping[category] = len(self._mapping)
            self._reverse_mapping.append(category)
        return self._mapping[category]

    def add(self, category, count=1):
        if self.get(category) > 0:
            self._freq[category] = self._freq.get(category, 0) + count

    def trim(self, min_frequency, max_frequency=-1):
        """Keeps the words that appear more often than min_frequency, the most frequent first."""
        by_name = sorted(self._freq.items(), key=lambda item: (isinstance(item[0], str), item[0]))
        by_count = sorted(by_name, key=lambda item: item[1], reverse=True)
        kept = [(word, count) for word, count in by_count
                if count > min_frequency and not 0 < max_frequency <= count]
        self._reverse_mapping = [self._unknown_token] + [word for word, _ in kept]
        self._mapping = {word: i for i, word in enumerate(self._reverse_mapping)}
        self._freq = dict(kept)

    def reverse(self, class_id):
        return self._reverse_mapping[class_id]


class VocabularyProcessor:
    """Texts as rows of word ids, cut and padded with 0 to max_document_length."""

    def __init__(self, max_document_length, min_frequency=0, vocabulary=None, tokenizer_fn=None):
        self.max_document_length = max_document_length
        self.min_frequency = min_frequency
        self.vocabulary_ = vocabulary or CategoricalVocabulary()
        self._tokenizer = tokenizer_fn or tokenizer

    def fit(self, raw_documents, unused_y=None):
        for tokens in self._tokenizer(raw_documents):
            for token in tokens:
                self.vocabulary_.add(token)
        if self.min_frequency > 0:
            self.vocabulary_.trim(self.min_frequency)
        self.vocabulary_.freeze()
        return self

    def fit_transform(self, raw_documents, unused_y=None):
        self.fit(raw_documents)
        return self.transform(raw_documents)

    def transform(self, raw_documents):
        """Yields one array of ids for each text."""
        for tokens in self._tokenizer(raw_documents):
            ids = np.zeros(self.max_document_length, np.int64)
            for i, token in enumerate(tokens[:self.max_document_length]):
                ids[i] = self.vocabulary_.get(token)
            yield ids

    def reverse(self, documents):
        """Yields the text of each row of ids."""
        for ids in documents:
            yield " ".join(self.vocabulary_.reverse(i) for i in ids)

    def save(self, filename):
        with open(filename, "wb") as f:
            pickle.dump(self, f)

    @classmethod
    def restore(cls, filename):
        with open(filename, "rb") as f:
            return pickle.load(f)


class ByteProcessor:
    """Texts as rows of bytes, cut and padded with 0 to max_document_length."""

    def __init__(self, max_document_length):
        self.max_document_length = max_document_length

    def fit(self, x):
        return None

    def fit_transform(self, x):
        return self.transform(x)

    def transform(self, x):
        for text in x:
            data = text.encode("utf-8") if isinstance(text, str) else text
            row = np.frombuffer(data[:self.max_document_length], np.uint8)
            yield np.pad(row, (0, self.max_document_length - len(row)), "constant")

    def reverse(self, x):
        for row in x:
            yield np.trim_zeros(row.astype(np.uint8), "b").tobytes().decode("utf-8", "ignore")
