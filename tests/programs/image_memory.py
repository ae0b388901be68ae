import numpy as np, skimage.data
from skimage.color import rgb2gray
from skimage.transform import resize
from skimage.filters import threshold_mean
from canns.models.brain_inspired import AmariHopfieldNetwork
from canns.trainer import HebbianTrainer

np.random.seed(42)
def preprocess_image(img, size=128):
    if img.ndim == 3: img = rgb2gray(img)
    img = resize(img, (size, size), anti_aliasing=True)
    return np.where(img > threshold_mean(img), 1.0, -1.0).astype(np.float32).reshape(size * size)
training_data = [preprocess_image(i) for i in (skimage.data.camera(), skimage.data.astronaut(),
                 skimage.data.horse().astype(np.float32), skimage.data.coffee())]
model = AmariHopfieldNetwork(num_neurons=training_data[0].shape[0], asyn=False, activation="sign")
trainer = HebbianTrainer(model)
trainer.train(training_data)
def corrupt_pattern(p, noise_level=0.3):
    c = np.copy(p); k = np.random.choice(len(p), int(len(p) * noise_level), replace=False); c[k] *= -1
    return c
test_patterns = [corrupt_pattern(p, 0.3) for p in training_data]
recalled = trainer.predict_batch(test_patterns, show_sample_progress=True)
assert np.array(recalled).shape == (4, 16384)
assert all((r == p).all() for r, p in zip(np.array(recalled), training_data))
