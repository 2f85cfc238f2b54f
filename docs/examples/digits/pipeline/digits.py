"""How well does a small network read handwritten digits? Train it, and see which ones it confuses."""

import argparse

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import confusion_matrix, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier


def load(per_class=60):
    """Images as rows of pixels between 0 and 1, and the digit that each one shows."""
    data = load_digits()
    kept = np.concatenate([np.flatnonzero(data.target == digit)[:per_class] for digit in range(10)])
    return data.data[kept] / 16, data.target[kept]


def split(images, labels, test_share=0.25, seed=0):
    """Rows to train on and rows to test on, with as many of each digit in both."""
    return train_test_split(images, labels, test_size=test_share, random_state=seed, stratify=labels)


def reduce(x_train, x_test, components=24):
    """The strongest components of the training images, in which both parts are written."""
    pca = PCA(components, svd_solver="full").fit(x_train)
    return pca.transform(x_train), pca.transform(x_test), pca.explained_variance_ratio_


def fit(z_train, y_train, hidden=32, epochs=60, rate=0.01, seed=0):
    """A network with one hidden layer, trained for some epochs."""
    model = MLPClassifier(
        (hidden,), learning_rate_init=rate, max_iter=epochs, random_state=seed, n_iter_no_change=epochs
    )
    model.fit(z_train, y_train)
    return model


def evaluate(model, z_test, y_test):
    """How often it is right, how sure it is, and what it takes for what."""
    chances = model.predict_proba(z_test)
    guesses = chances.argmax(axis=1)
    return {
        "accuracy": float(np.mean(guesses == y_test)),
        "log_loss": float(log_loss(y_test, chances)),
        "confusion": confusion_matrix(y_test, guesses),
        "chances": chances,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=60)
    args = parser.parse_args()
    images, labels = load()
    x_train, x_test, y_train, y_test = split(images, labels)
    z_train, z_test, shares = reduce(x_train, x_test)
    model = fit(z_train, y_train, epochs=args.epochs)
    result = evaluate(model, z_test, y_test)
    print(f"{shares.sum():.1%} of the variance, {result['accuracy']:.1%} right")
    print(result["confusion"])


if __name__ == "__main__":
    main()
