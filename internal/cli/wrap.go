package cli

import (
	"strings"
	"unicode/utf8"
)

// textWidth is the maximum width of a line of prose, which fits a terminal of default size beside a label.
const textWidth = 100

// wrap breaks a text into indented lines of at most textWidth characters. A longer word, such as a command's argument, stays whole.
func wrap(text, indent string) string {
	return wrapHanging(text, indent, len(indent))
}

// wrapHanging starts with head, and indents the lines after the first by hang blanks.
func wrapHanging(text, head string, hang int) string {
	var out strings.Builder
	out.WriteString(head)
	column, empty := utf8.RuneCountInString(head), true
	for _, word := range strings.Fields(text) {
		length := utf8.RuneCountInString(word)
		switch {
		case empty:
		case column+1+length > textWidth:
			out.WriteString("\n" + strings.Repeat(" ", hang))
			column = hang
		default:
			out.WriteByte(' ')
			column++
		}
		out.WriteString(word)
		column += length
		empty = false
	}
	return out.String()
}
