// Package plot draws charts as SVG: lines, bars, axes with round numbers, a legend. The colours follow the reader's light or
// dark scheme, in a page and in a file of its own. It is pure: no I/O but the writer that is passed in.
package plot
