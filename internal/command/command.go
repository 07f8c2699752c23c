// Package command makes the command lines that messages print for people to paste into a shell. Names in them come from specs and from other
// objects of the cluster, so every argument is quoted for the shell.
package command

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Unprintable replaces a command whose arguments cannot be shown. A shell reads it as a comment.
const Unprintable = "# the command cannot be shown: a name contains characters that no name may have"

// Line is one command with its arguments, unquoted.
type Line []string

// String quotes the command, so that a POSIX shell reads it back into the same arguments.
func (l Line) String() string { return Sequence(l) }

// Sequence joins commands so that each runs only if the previous one succeeded.
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

// printable is false for characters that a terminal obeys or a reader cannot see: control characters, bidirectional overrides, zero-width blanks.
// Quoting protects only the shell from them.
func printable(arg string) bool {
	return utf8.ValidString(arg) && !strings.ContainsFunc(arg, func(r rune) bool { return !unicode.IsPrint(r) })
}

// quote puts an argument into single quotes, unless it has only characters without meaning to any shell.
func quote(arg string) string {
	if arg != "" && !strings.ContainsFunc(arg, func(r rune) bool { return !literal(r) }) {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}

func literal(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,@%+", r)
}
