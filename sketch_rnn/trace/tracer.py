"""A picture to the strokes of the pen that drew it."""

import numpy as np
from scipy import ndimage
from skimage.morphology import skeletonize

from sketch_rnn.trace import branches, ink, smooth
from sketch_rnn.trace.graph import skeleton_graph
from sketch_rnn.trace.light import contrast


WMIN,WMAX=5,8
def trace(rgb):
    return lines_from(*masked(rgb))
def masked(rgb):
    dark = contrast(rgb.max(2) if rgb.ndim == 3 else rgb)
    full = ink.full_ink(dark)
    if not full: return None,1,1
    width = ink.line_width(ink.ink_mask(dark, full))
    scale = 1
    if width < WMIN: scale = min(3, WMIN*1.2 / width)
    elif width > WMAX: scale = WMIN*1.2 / width
    if scale != 1:
        dark = ndimage.zoom(dark, scale, order=1) if scale>1 else ndimage.zoom(ndimage.gaussian_filter(dark, .4/scale), scale, order=1)
        width *= scale
    dark = ndimage.gaussian_filter(dark, .25 * width)
    full = ink.full_ink(dark)
    mask = ink.ink_mask(dark, full)
    width = max(ink.line_width(mask), 1.5)
    mask = ink.cleaned(mask, width)
    return mask, width, scale
def lines_from(mask,width,scale):
    if mask is None: return []
    skeleton = skeletonize(mask)
    radius = ndimage.distance_transform_edt(mask)
    graph = skeleton_graph(skeleton)
    branches.without_spurs(graph, radius)
    branches.sharpen_tips(graph, width)
    branches.part_shared(graph, width)
    branches.merge_junctions(graph, radius, width)
    partner = branches.pair(graph, width)
    lines = branches.lines_of(graph, partner, width)
    lines = [smooth.smooth(l, width) for l in lines]
    return [(l+.5) / scale for l in lines]
