// Package command makes the command lines that messages print for people to paste into a shell. Names in them come from specs and
// from other objects of the cluster, so nothing in one may mean anything to a shell.
package command

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Unprintable stands in place of a command whose arguments cannot be shown. To a shell it is a comment.
const Unprintable = "# no command can be shown: a name holds characters that no name may have"

// Line is one command with its arguments, as the program gets them.
type Line []string

// String is the command as a POSIX shell reads it back into the same arguments.
func (l Line) String() string { return Sequence(l) }

// Sequence is several commands of which each runs when the one before has succeeded.
func Sequence(lines ...Line) string {
	commands := make([]string, 0, len(lines))
	for _, line := range lines {
		words := make([]string, 0, len(line))
		for _, arg := range line {
			if !printable(arg) {
				return Unprintable
			}
			words = append(words, quote(arg))
		}
		commands = append(commands, strings.Join(words, " "))
	}
	return strings.Join(commands, " && ")
}

// printable is false for what a terminal would obey or a reader would not see: control characters, bidirectional overrides, blanks
// of no width. Quoting keeps them from the shell and from nobody else.
func printable(arg string) bool {
	return utf8.ValidString(arg) && !strings.ContainsFunc(arg, func(r rune) bool { return !unicode.IsPrint(r) })
}

// quote leaves alone what means nothing to any shell and puts the rest into single quotes, in which nothing means anything.
func quote(arg string) string {
	if arg != "" && !strings.ContainsFunc(arg, func(r rune) bool { return !literal(r) }) {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}

func literal(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,@%+", r)
}
