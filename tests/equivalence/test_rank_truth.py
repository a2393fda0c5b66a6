"""Evidence measured through TensorFlow equals brute force, element by element, on small trained networks.

The brute force knows the integer network only. Around a point it freezes what every quantiser does there
(the slope 1 or 0 by which gradients pass, and the offset), as straight-through estimation means it; what
is left is smooth, and is differentiated by central differences in float64, weight by weight.
"""

import numpy as np
import pytest

from netsurf import ir
from netsurf.fixed import to_real
from netsurf.rank import EVIDENCE, METHODS, Evidence, scores
from netsurf.rank.bits import by_tensor, deltas, planes
from tests.ranking import brute_scores
from tests.twins import STEP, Brute, require_equal

pytestmark = pytest.mark.tf

SPECS = {
    "classifier": """
        {title: t, data: dummy, task: classification, input: {shape: [3], format: "ufixed<4,1>"},
         scheme: "q<5,1,1>", training: {epochs: 1, batch: 1, learning_rate: 0.01}, layers: [
         {kind: dense, name: fc1, units: 4}, {kind: relu, name: relu1, scheme: "q<5,2,0>"},
         {kind: dense, name: fc2, units: 3}]}""",
    "pruned": """
        {title: t, data: dummy, task: classification, input: {shape: [3], format: "ufixed<4,1>"},
         scheme: "q<5,1,1>", training: {epochs: 1, batch: 1, learning_rate: 0.01}, layers: [
         {kind: dense, name: fc1, units: 4}, {kind: relu, name: relu1, scheme: "q<5,2,0>"},
         {kind: dense, name: fc2, units: 3}], pruning: {sparsity: 0.25, every: 1}}""",
    "regressor": """
        {title: t, data: dummy, task: regression, input: {shape: [2], format: "fixed<6,2>"},
         scheme: "q<4,0,1>", training: {epochs: 1, batch: 1, learning_rate: 0.01}, layers: [
         {kind: dense, name: fc1, units: 3}, {kind: linear, name: q1, scheme: "q<6,1,1>"},
         {kind: dense, name: fc2, units: 4}, {kind: relu, name: relu2, scheme: "q<4,1,0>"},
         {kind: dense, name: fc3, units: 1}]}""",
}


@pytest.fixture(scope="module", params=SPECS)
def case(request):
    """A trained model's Differential, its network, and the brute force over the same samples."""
    from netsurf.frontend import gradients, pruning
    from netsurf.frontend import model as models
    from netsurf.frontend.convert import convert_benchmark
    from netsurf.frontend.session import start
    from netsurf.frontend.spec import parse

    spec = parse(SPECS[request.param], request.param)
    tf = start(1)
    rng = np.random.default_rng(2)
    low, high = spec.input.format.minimum, spec.input.format.maximum
    inputs = rng.integers(low, high, (40, *spec.input.shape), endpoint=True)
    x = to_real(inputs, spec.input.format.fraction)
    labels = x.argmax(axis=1) if spec.task == "classification" else x.sum(axis=1) / 3
    model = models.build(spec)
    loss = (
        tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        if spec.task == "classification"
        else "mse"
    )
    model.compile(tf.keras.optimizers.Adam(0.02), loss)
    watchers = [pruning.pruner(model, spec.pruning, steps=40)] if spec.pruning else []
    model.fit(x, labels, epochs=10, batch_size=10, verbose=0, callbacks=watchers)
    network = convert_benchmark(model, spec)
    assert pruning.sparsities(network) == ({"fc1.kernel": 0.25, "fc2.kernel": 0.25} if watchers else {})
    at = gradients.Differential(model, network, x, labels)
    return at, network, Brute(network, inputs, labels)


EFFORT = {"samples": 40, "eigen_tolerance": 1e-7, "probes": 12, "probe_tolerance": 0.0}


@pytest.fixture(scope="module")
def measured(case):
    from netsurf.frontend.gradients import MEASURES, Effort, measure

    return measure(case[0], MEASURES, Effort(**EFFORT))


def test_the_model_computes_what_the_network_computes(case):
    at, network, brute = case
    outputs = at.model(at.x, training=False).numpy()
    expected = to_real(ir.execute(network, brute.inputs), network.output.format.fraction)
    np.testing.assert_array_equal(outputs, expected)
    np.testing.assert_array_equal(brute.at(brute.here).outputs(brute.here), expected)


def test_gradient_and_fisher(case, measured):
    brute = case[2]
    require_equal(measured["gradient"], brute.gradients.mean(axis=0))
    require_equal(measured["fisher"], (brute.gradients**2).mean(axis=0))


def test_every_tensor_is_put_to_the_test_biases_included(case):
    """The brute force finds gradients and curvature in every kernel and every bias; zeros show nothing."""
    network, brute = case[1], case[2]
    for array in (brute.gradients.mean(axis=0), np.diag(brute.hessian)):
        parts = by_tensor(network, array)
        assert {name.split(".")[1] for name in parts} == {"kernel", "bias"}
        for name, part in parts.items():
            assert np.abs(part).max() > 1e-3, name


def test_exact_diagonal_of_the_hessian(case, measured):
    require_equal(measured["hessian_diagonal"], np.diag(case[2].hessian))


def test_hutchinson_with_the_same_probes(case, measured):
    from netsurf.frontend.gradients import probe

    hessian = case[2].hessian
    signs = [probe(0, number, len(hessian)) for number in range(EFFORT["probes"])]
    require_equal(measured["hutchinson_diagonal"], np.mean([z * (hessian @ z) for z in signs], axis=0))


def leading(hessian):
    values, vectors = np.linalg.eigh(hessian)
    largest = np.argsort(-np.abs(values))[:3]
    return values[largest], vectors[:, largest].T


def outer(values, vectors):
    """``|lambda_k v_ki v_kj|``: what survives the free sign of an eigenvector."""
    return np.abs(values[:, None, None] * vectors[:, :, None] * vectors[:, None, :])


def test_eigenpairs(case, measured):
    values, vectors = leading(case[2].hessian)
    require_equal(measured["eigenvalues"], values)
    require_equal(outer(measured["eigenvalues"], measured["eigenvectors"]), outer(values, vectors))


def test_gradients_and_eigenpairs_at_the_deltas(case, measured):
    network, brute = case[1], case[2]
    for plane, weights in enumerate(brute.planes):
        gradient = brute.at(weights).sample_gradients(weights).mean(axis=0)
        np.testing.assert_allclose(
            measured["delta_gradient"][plane], gradient, rtol=2e-3, atol=2e-4 * np.abs(gradient).max()
        )
        values = leading(brute.hessians[plane])[0]
        found = measured["delta_eigenvalues"][plane]
        scale = np.abs(values).max()
        np.testing.assert_allclose(found, values, rtol=5e-3, atol=1e-3 * scale)
    assert len(brute.planes) == planes(network)


def test_flip_probabilities(case, measured):
    """Aiber again, with its gradient by finite differences and plain loops over bits."""
    network, brute = case[1], case[2]
    clean = brute.at(brute.here).outputs(brute.here)
    change = deltas(network)
    owner = [(t, e) for t, p in enumerate(network.parameters.values()) for e in range(p.codes.size)]
    width = [p.format.width for p in network.parameters.values()]
    bits = [(t, number) for number, (t, _) in enumerate(owner) for _ in range(width[t])]
    logit, m, v = np.full(len(bits), -4.0), np.zeros(len(bits)), np.zeros(len(bits))
    left = np.zeros(len(bits))
    for epoch in range(1, 11):
        chance = 1 / (1 + np.exp(-logit))
        weights = brute.here.copy()
        for n, (_, element) in enumerate(bits):
            weights[element] += chance[n] * change[n]
        twin = brute.at(weights)

        def loss(at, twin=twin):
            return -np.mean((twin.outputs(at) - clean) ** 2)

        slope = [(loss(weights + h) - loss(weights - h)) / (2 * STEP) for h in STEP * np.eye(len(owner))]
        for n, (_, element) in enumerate(bits):
            pull = (slope[element] * change[n] + 0.01) * chance[n] * (1 - chance[n])
            m[n], v[n] = 0.9 * m[n] + 0.1 * pull, 0.999 * v[n] + 0.001 * pull * pull
            if not left[n]:
                logit[n] -= 0.01 * (m[n] / (1 - 0.9**epoch)) / (np.sqrt(v[n] / (1 - 0.999**epoch)) + 1e-7)
        for t in range(len(width)):
            free = [n for n, (tensor, _) in enumerate(bits) if tensor == t and not left[n]]
            for n in sorted(free, key=lambda n: (-logit[n], n))[: int(0.05 * len(free))]:
                left[n] = 10 - epoch
    expected = 1 / (1 + np.exp(-logit)) + left
    found = measured["flip_probability"].copy()
    np.testing.assert_allclose(found % 1, expected % 1, rtol=2e-2)
    assert np.mean(found // 1 == expected // 1) > 0.9
    low, high = np.argmin(expected % 1), np.argmax(expected % 1)
    found[[low, high]] = found[[high, low]]
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(found % 1, expected % 1, rtol=2e-2)


FROM_GRADIENTS = [
    name
    for name, method in METHODS.items()
    if method.needs and name != "aiber" and all(EVIDENCE[n].source == "gradients" for n in method.needs)
]


@pytest.fixture(scope="module")
def slow(case):
    """All evidence from gradients but aiber's, by brute force."""
    from netsurf.frontend.gradients import probe

    network, brute = case[1], case[2]
    hessian = brute.hessian
    signs = [probe(0, number, len(hessian)) for number in range(EFFORT["probes"])]
    pairs = [leading(h) for h in brute.hessians]
    slopes = [brute.at(weights).sample_gradients(weights).mean(axis=0) for weights in brute.planes]
    values, vectors = leading(hessian)
    arrays = {
        "gradient": brute.gradients.mean(axis=0),
        "fisher": (brute.gradients**2).mean(axis=0),
        "hessian_diagonal": np.diag(hessian),
        "hutchinson_diagonal": np.mean([z * (hessian @ z) for z in signs], axis=0),
        "eigenvalues": values,
        "eigenvectors": vectors,
        "delta_gradient": np.stack(slopes),
        "delta_eigenvalues": np.stack([pair[0] for pair in pairs]),
        "delta_eigenvectors": np.stack([pair[1] for pair in pairs]),
    }
    return Evidence(network.digest, arrays)


@pytest.mark.parametrize("method", FROM_GRADIENTS)
def test_scores_from_measured_evidence_equal_scores_from_brute_force(case, measured, slow, method):
    """Formula and evidence together, every stored bit of every kernel and bias."""
    network = case[1]
    expected = brute_scores(method, network, slow)
    found = scores(method, network, 0, Evidence(network.digest, measured))
    require_equal(found, expected)
    low, high = expected.argmin(), expected.argmax()
    found[[low, high]] = found[[high, low]]
    with pytest.raises(AssertionError):
        require_equal(found, expected)
