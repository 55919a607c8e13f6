// Every text on the page whose contrast is below WCAG AA: 4.5, or 3 where it is large.
() => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  // Each colour is drawn, and each element's ground found, only once: a page has thousands of texts and few of these.
  const once = (known, of, make) => {
    if (!known.has(of)) known.set(of, make(of));
    return known.get(of);
  };
  const [colours, grounds] = [new Map(), new Map()];
  const rgba = (colour) => once(colours, colour, drawn);
  const behind = (element) => once(grounds, element, found);
  const drawn = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  // All colours that may lie behind an element: a gradient's own ones, and what is under them.
  const found = (element) => {
    if (!element) return [[255, 255, 255, 1]];
    const style = getComputedStyle(element);
    const layers = [style.backgroundColor, ...(style.backgroundImage.match(/rgba?\([^)]*\)/g) ?? [])].map(rgba);
    const own = layers.filter(([, , , a]) => a > 0);
    if (own.length === 0) return behind(element.parentElement);
    const under = own.some(([, , , a]) => a < 1) || style.backgroundImage !== "none" ? behind(element.parentElement) : [];
    return [...under, ...own.map((layer) => (layer[3] === 1 ? layer : over(layer, under[0])))];
  };
  const bad = [];
  let looked = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.nodeValue.trim();
    if (!text || !element.checkVisibility({ visibilityProperty: true }) || element.closest("noscript, title, desc, option")) continue;
    const style = getComputedStyle(element);
    const ink = rgba(element.closest("svg") ? style.fill : style.color);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    looked += 1;
    for (const ground of behind(element)) {
      const [one, other] = [light(over(ink, ground)), light(ground)].sort((a, b) => b - a);
      const contrast = (one + 0.05) / (other + 0.05);
      if (contrast < (large ? 3 : 4.5)) bad.push(`${contrast.toFixed(2)}: ${text.slice(0, 60)} (${element.className})`);
    }
  }
  return [looked, bad];
}
