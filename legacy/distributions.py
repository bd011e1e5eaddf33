"""tf.contrib.distributions: those of tf.distributions, and mixtures of Gaussians.

Sources  TensorFlow 1.15, tf.contrib.distributions; Bishop 1994, Mixture Density Networks
"""
import math

import tensorflow.compat.v1 as tf

Bernoulli = tf.distributions.Bernoulli
Beta = tf.distributions.Beta
Categorical = tf.distributions.Categorical
Dirichlet = tf.distributions.Dirichlet
DirichletMultinomial = tf.distributions.DirichletMultinomial
Distribution = tf.distributions.Distribution
Exponential = tf.distributions.Exponential
Gamma = tf.distributions.Gamma
Laplace = tf.distributions.Laplace
Multinomial = tf.distributions.Multinomial
Normal = tf.distributions.Normal
StudentT = tf.distributions.StudentT
Uniform = tf.distributions.Uniform
kl_divergence = tf.distributions.kl_divergence


class MultivariateNormalDiag:
    """A Gaussian over the last axis, without correlations: loc and scale_diag (..., dimension)."""

    def __init__(self, loc=None, scale_diag=None, scale_identity_multiplier=None, validate_args=False,
                 allow_nan_stats=True, name="MultivariateNormalDiag"):
        if scale_diag is None:
            multiplier = 1. if scale_identity_multiplier is None else scale_identity_multiplier
            scale_diag = tf.ones_like(loc) * multiplier
        scale_diag = tf.convert_to_tensor(scale_diag)
        self._normal = tf.distributions.Normal(tf.zeros_like(scale_diag) if loc is None else loc, scale_diag)

    loc = property(lambda self: self._normal.loc)

    def mean(self):
        return self._normal.mean()

    def stddev(self):
        return self._normal.stddev()

    def log_prob(self, value):
        return tf.reduce_sum(self._normal.log_prob(value), -1)

    def prob(self, value):
        return tf.exp(self.log_prob(value))

    def sample(self, sample_shape=(), seed=None):
        return self._normal.sample(sample_shape, seed)

    def entropy(self):
        # H = d / 2 (1 + log 2 pi) + sum log sigma
        return tf.reduce_sum(0.5 * (1. + math.log(2. * math.pi)) + tf.log(self._normal.scale), -1)


class Mixture:
    """A Categorical of several distributions of one shape."""

    def __init__(self, cat, components, validate_args=False, allow_nan_stats=True, name="Mixture"):
        self.cat = cat
        self.components = components

    def log_prob(self, value):
        # log p(x) = log sum_k pi_k p_k(x)
        weights = tf.unstack(tf.nn.log_softmax(self.cat.logits), num=len(self.components), axis=-1)
        return tf.reduce_logsumexp(
            tf.stack([w + c.log_prob(value) for w, c in zip(weights, self.components)], -1), -1)

    def prob(self, value):
        return tf.exp(self.log_prob(value))

    def mean(self):
        weights = tf.unstack(tf.nn.softmax(self.cat.logits), num=len(self.components), axis=-1)
        means = [c.mean() for c in self.components]
        return tf.add_n([m * (w if m.shape.ndims == w.shape.ndims else tf.expand_dims(w, -1))
                         for w, m in zip(weights, means)])

    def sample(self, n=(), seed=None):
        chosen = tf.one_hot(self.cat.sample(n, seed), len(self.components), dtype=tf.float32)
        samples = tf.stack([c.sample(n, seed) for c in self.components], -1)
        while chosen.shape.ndims < samples.shape.ndims:
            chosen = tf.expand_dims(chosen, -2)
        return tf.reduce_sum(chosen * samples, -1)
