package command

import (
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// hostile are names that would have an effect in a shell.
var hostile = []string{
	"pull-secret", "", " ", "a b", "'", `"`, `\`, `a\`, `'\''`, "$(id)", "`id`", "$HOME", "${IFS}", "~", "~root", "*", "?", "[a]", "{a,b}", "#", "a#b", "!", "!!", "^a^b",
	"y; oc adm policy add-cluster-role-to-user cluster-admin mallory #", "a && b", "a || b", "a | b", "a & b", "a > /dev/null", "<(id)", "../..",
	"--as=system:admin", "-n", "é", "=cmd", "a=b", "%s", "%1", "(a)",
}

// unprintable are names that a terminal would obey or a reader would not see.
var unprintable = []string{"a\nb", "a\rb", "a\x00b", "\x1b[2J", "a\u009bb", "a\u202eb", "a\u200bb", "a\ufeffb", "\xff", "a\tb", "a\u2028b"}

func TestLine_IsReadBackByAShellIntoTheSameArguments(t *testing.T) {
	for _, name := range hostile {
		line := Line{"oc", "-n", name, "annotate", "--x=" + name, name}
		got, err := read(line.String())
		if err != nil || len(got) != 1 || !slices.Equal(got[0], line) {
			t.Errorf("%q is read as %q, %v", line, got, err)
		}
		// The shell itself, with nothing in its path.
		cmd := exec.Command("/bin/sh", "-c", `printf '%s\0' `+line[1:].String())
		cmd.Env, cmd.Dir = []string{"PATH="}, t.TempDir()
		out, err := cmd.Output()
		if want := strings.Join(line[1:], "\x00") + "\x00"; err != nil || string(out) != want {
			t.Errorf("sh reads %s as %q, want %q (%v)", line, out, want, err)
		}
	}
}

func TestLine_IsNoCommandWhenANameCannotBeShown(t *testing.T) {
	for _, name := range unprintable {
		if got := (Line{"oc", name}).String(); got != Unprintable {
			t.Errorf("%q is shown as %q", name, got)
		}
	}
	if commands, err := read(Unprintable); err == nil {
		t.Errorf("it is a command: %q", commands)
	}
	if out, err := exec.Command("/bin/sh", "-c", Unprintable).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("a shell does something with it: %q, %v", out, err)
	}
}

func TestGrant_NamesItsObjectAndTheOperator(t *testing.T) {
	g := Grant{Namespace: "tenant", Name: "pull-secret", Resource: "secrets", Verbs: []string{"get", "patch"}, OperatorNamespace: "ours"}
	const want = "oc -n tenant create role credential-rotation-operator-pull-secret --verb=get,patch --resource=secrets --resource-name=pull-secret && " +
		"oc -n tenant create rolebinding credential-rotation-operator-pull-secret --role=credential-rotation-operator-pull-secret --serviceaccount=ours:credential-rotation-operator"
	if got := g.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestGrant_KeepsTheNameOfItsRoleWithinTheLimit(t *testing.T) {
	for _, name := range []string{strings.Repeat("a", 253), strings.Repeat("a.", 126), strings.Repeat("é", 126)} {
		if role := (Grant{Name: name}).role(); len(role) > 253 || strings.HasSuffix(role, ".") || !printable(role) {
			t.Errorf("%q has %d bytes", role, len(role))
		}
	}
}

// FuzzGrant: whatever a name is, a shell reads the printed command into exactly the intended arguments.
func FuzzGrant(f *testing.F) {
	for _, name := range slices.Concat(hostile, unprintable) {
		f.Add(name, name)
	}
	f.Fuzz(func(t *testing.T, namespace, name string) {
		g := Grant{Namespace: namespace, Name: name, Resource: "secrets", Verbs: []string{"get"}, Purpose: "restart-", OperatorNamespace: namespace}
		text := g.String()
		if text == Unprintable {
			if printable(namespace) && printable(name) {
				t.Fatalf("no command for %q and %q", namespace, name)
			}
			return
		}
		got, err := read(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		want := [][]string{
			{"oc", "-n", namespace, "create", "role", g.role(), "--verb=get", "--resource=secrets", "--resource-name=" + name},
			{"oc", "-n", namespace, "create", "rolebinding", g.role(), "--role=" + g.role(), "--serviceaccount=" + namespace + ":" + Account},
		}
		if !slices.EqualFunc(got, want, slices.Equal[[]string]) {
			t.Fatalf("got  %q\nwant %q", got, want)
		}
	})
}

// read reads commands as a POSIX shell does, and refuses special characters outside of quotes: it knows single quotes, a backslash, blanks and
// &&.
func read(text string) ([][]string, error) {
	var commands [][]string
	var words []string
	var word strings.Builder
	in := false // inside a word
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\'':
			end := strings.IndexByte(text[i+1:], '\'')
			if end < 0 {
				return nil, errors.New("a quote is not closed")
			}
			word.WriteString(text[i+1 : i+1+end])
			i, in = i+1+end, true
		case c == '\\' && i+1 < len(text):
			i, in = i+1, true
			word.WriteByte(text[i])
		case c == ' ' || strings.HasPrefix(text[i:], "&& "):
			if in {
				words = append(words, word.String())
			}
			word.Reset()
			in = false
			if c == '&' {
				commands, words, i = append(commands, words), nil, i+1
			}
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_./:=,@%+", c) >= 0:
			word.WriteByte(c)
			in = true
		default:
			return nil, fmt.Errorf("%q at %d means something to a shell", c, i)
		}
	}
	if in {
		words = append(words, word.String())
	}
	return append(commands, words), nil
}

func TestQuote_LeavesAloneExactlyWhatNoShellTakesForMore(t *testing.T) {
	const plain = "azAZ09-_./:=,@%+"
	if got := quote(plain); got != plain {
		t.Errorf("%s is quoted: %s", plain, got)
	}
	for _, r := range "`{[;^|<>?*~ \"\\$&()!#" {
		if got := quote("a" + string(r)); got != "'a"+string(r)+"'" {
			t.Errorf("%q is printed as %s", r, got)
		}
	}
}
