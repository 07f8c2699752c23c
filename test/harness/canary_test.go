package harness

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

const canary = "cAn/aRy+value=0123456789"

func TestCanaries_AreFoundInEveryFormInWhichTheyMayLeak(t *testing.T) {
	for name, text := range map[string]string{
		"clear":                        "error: " + canary + "!",
		"quoted by %q":                 fmt.Sprintf("%q", canary),
		"a URL's query":                "https://example.test/?token=" + url.QueryEscape(canary),
		"base64 of the value":          base64.StdEncoding.EncodeToString([]byte(canary)),
		"base64 of user:password":      base64.StdEncoding.EncodeToString([]byte("user:" + canary)),
		"base64 of a longer user name": base64.StdEncoding.EncodeToString([]byte("users:" + canary + "\n")),
		"base64 within a document":     base64.StdEncoding.EncodeToString([]byte(`{"auth":"` + canary + `"}`)),
		"URL-safe base64":              base64.URLEncoding.EncodeToString([]byte("u:" + canary)),
		"a hex dump":                   hex.Dump([]byte("some bytes before: " + canary + " and after")),
		"hexadecimal":                  fmt.Sprintf("%x", canary),
		"HEXADECIMAL":                  fmt.Sprintf("%X", canary),
		"a Secret's data by %v":        fmt.Sprint(map[string][]byte{"token": []byte(canary)}),
		"base64 of base64":             base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(canary)))),
		"all but its first characters": canary[3:],
		"its last twelve characters":   "..." + canary[len(canary)-12:],
		"twelve in the middle":         "x" + canary[5:17] + "x",
		"in capitals":                  strings.ToUpper(canary),
		"in small letters":             strings.ToLower(canary),
	} {
		t.Run(name, func(t *testing.T) {
			found := Canaries{"the token": canary}.Find("the log", text)
			if len(found) == 0 {
				t.Fatal("not found")
			}
			if !strings.Contains(found[0], "the token") || !strings.Contains(found[0], "the log") {
				t.Errorf("%q does not name the canary and the place", found[0])
			}
			if strings.Contains(found[0], canary) {
				t.Errorf("%q shows the secret", found[0])
			}
		})
	}
}

func TestCanaries_AreNotFoundInHarmlessText(t *testing.T) {
	text := "a harmless line about https://example.test/?role=admin and " + base64.StdEncoding.EncodeToString([]byte("user:another value"))
	for _, text := range []string{text, text + canary[5:16], "x" + canary[:11] + "x" + canary[12:]} {
		if found := (Canaries{"the token": canary}).Find("the log", text); len(found) != 0 && !strings.Contains(text, canary[12:]) {
			t.Errorf("found %v", found)
		}
	}
}

func TestCanaries_AreNamedWithTheTextThatHasThem(t *testing.T) {
	c := Canaries{"the token": "a-rather-secret-value"}
	texts := map[string]string{"one": "harmless", "two": "token=a-rather-secret-value", "three": "a-rather-", "four": "secret-value-of-nobody"}
	found := c.findIn(texts)
	if len(found) == 0 {
		t.Fatal("nothing is found")
	}
	if got := strings.Join(found, "; "); !strings.Contains(got, "in two as clear text") || strings.Contains(got, "in one") || strings.Contains(got, "in three") {
		t.Errorf("found %s", got)
	}
	delete(texts, "two")
	delete(texts, "four")
	if found := c.findIn(texts); len(found) > 0 {
		t.Errorf("found %v", found)
	}
}
