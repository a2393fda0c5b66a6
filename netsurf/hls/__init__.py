"""hls4ml: the ``NetSurf`` backend plugin, and hls4ml's own C++ as an engine that takes fault lists.

:mod:`~netsurf.hls.from_network` turns an integer network back into hls4ml's ModelGraph without a Keras
model, :mod:`~netsurf.hls.csim` compiles what hls4ml generates and upsets its weights, and
:mod:`~netsurf.hls.backend` is what ``backend="NetSurf"`` means to an hls4ml user.
"""
