package echo

import "testing"

func TestRepeats_SeesAPartOfASecretInWhateverCase(t *testing.T) {
	const secret = "k8Qz4TnV7xW1mB6yR3pL9dJ2fH5sG0cA"
	for text, want := range map[string]bool{
		"":                                false,
		"quay.io refuses the login (401)": false,
		"k8Qz4Tn is too short a part":     false,
		"x " + secret[5:13] + " y":        true,
		"a gateway says K8QZ4TNV":         true,
		"https://" + secret + ".example":  true,
	} {
		if got := Repeats(text, "", secret); got != want {
			t.Errorf("%q: %t, want %t", text, got, want)
		}
	}
	if !Repeats("the pin is 1234", "1234") {
		t.Error("a short secret is not seen as a whole")
	}
}
