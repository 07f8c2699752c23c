package main

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

var cell = regexp.MustCompile(`^NR==(\d+) \{print \$(\d+)\}$`)

// awk prints one word of one line, for a program such as `NR==2 {print $5}`.
func awk(args []string) error {
	var want []string
	if len(args) == 1 {
		want = cell.FindStringSubmatch(args[0])
	}
	if want == nil {
		return refused(args)
	}
	return eachLine(func(number int, line string) {
		if words := strings.Fields(line); strconv.Itoa(number) == want[1] {
			fmt.Println(nth(words, want[2]))
		}
	})
}

// nth is the word with this number, or nothing.
func nth(words []string, number string) string {
	if n, err := strconv.Atoi(number); err == nil && n >= 1 && n <= len(words) {
		return words[n-1]
	}
	return ""
}

var substitution = regexp.MustCompile(`^s/([^/\\.*\[\]^$]+)/([^/\\&]*)/$`)

// sed replaces a literal text in each line, once, for a program such as `s/%//`.
func sed(args []string) error {
	var parts []string
	if len(args) == 1 {
		parts = substitution.FindStringSubmatch(args[0])
	}
	if parts == nil {
		return refused(args)
	}
	return eachLine(func(_ int, line string) { fmt.Println(strings.Replace(line, parts[1], parts[2], 1)) })
}

// eachLine reads the standard input; numbers begin with 1.
func eachLine(do func(number int, line string)) error {
	lines := bufio.NewScanner(os.Stdin)
	for n := 1; lines.Scan(); n++ {
		do(n, lines.Text())
	}
	return lines.Err()
}
