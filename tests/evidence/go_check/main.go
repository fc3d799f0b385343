// Checks with Go's own implementation of signed notes and transparency logs (golang.org/x/mod/sumdb) what Sallyport signs and
// proves, and plays a witness. It shares no code with Sallyport.
//
//	go_check verify SAMPLES.json    prints what was checked; exits 1 if anything is not as it should be
//	go_check witness LOG-KEY        serves add-checkpoint (c2sp.org/tlog-witness) on a free port; prints URL and verifier key
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// What `verify` reads. Hashes are in base64. A proof with Good false must not verify.
type samples struct {
	Key         string   `json:"key"`
	Checkpoints []string `json:"checkpoints"`
	Inclusions  []struct {
		Checkpoint int         `json:"checkpoint"`
		Index      int64       `json:"index"`
		Leaf       tlog.Hash   `json:"leaf"`
		Proof      []tlog.Hash `json:"proof"`
		Good       bool        `json:"good"`
	} `json:"inclusions"`
	Consistencies []struct {
		Old   int         `json:"old"`
		New   int         `json:"new"`
		Proof []tlog.Hash `json:"proof"`
		Good  bool        `json:"good"`
	} `json:"consistencies"`
	// A checkpoint with cosignatures, and the keys of all the witnesses that must be among them.
	Cosigned    string   `json:"cosigned"`
	WitnessKeys []string `json:"witness_keys"`
}

type checkpoint struct {
	origin string
	size   int64
	root   tlog.Hash
}

// What a checkpoint's text says (c2sp.org/tlog-checkpoint).
func parseCheckpoint(text string) (checkpoint, error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) != 4 || lines[0] == "" || lines[3] != "" {
		return checkpoint{}, fmt.Errorf("not three lines: %q", text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || strconv.FormatInt(size, 10) != lines[1] || size < 0 {
		return checkpoint{}, fmt.Errorf("no size: %q", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return checkpoint{}, err
	}
	return checkpoint{lines[0], size, root}, nil
}

// Opens a note with the log's key, which must be of the checkpoint's origin.
func openCheckpoint(text string, key note.Verifier) (checkpoint, *note.Note, error) {
	opened, err := note.Open([]byte(text), note.VerifierList(key))
	if err != nil {
		return checkpoint{}, nil, err
	}
	parsed, err := parseCheckpoint(opened.Text)
	if err == nil && parsed.origin != key.Name() {
		err = fmt.Errorf("the checkpoint of %s is signed by %s", parsed.origin, key.Name())
	}
	return parsed, opened, err
}

func verify(path string) error {
	bytes, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var all samples
	if err := json.Unmarshal(bytes, &all); err != nil {
		return err
	}
	key, err := note.NewVerifier(all.Key)
	if err != nil {
		return err
	}
	var checkpoints []checkpoint
	for i, text := range all.Checkpoints {
		parsed, _, err := openCheckpoint(text, key)
		if err != nil {
			return fmt.Errorf("checkpoint %d: %v", i, err)
		}
		checkpoints = append(checkpoints, parsed)
	}
	for i, each := range all.Inclusions {
		at := checkpoints[each.Checkpoint]
		err := tlog.CheckRecord(each.Proof, at.size, at.root, each.Index, each.Leaf)
		if (err == nil) != each.Good {
			return fmt.Errorf("inclusion %d of leaf %d in %d: should be %v: %v", i, each.Index, at.size, each.Good, err)
		}
	}
	for i, each := range all.Consistencies {
		before, after := checkpoints[each.Old], checkpoints[each.New]
		err := tlog.CheckTree(each.Proof, after.size, after.root, before.size, before.root)
		if (err == nil) != each.Good {
			return fmt.Errorf("consistency %d of %d and %d: should be %v: %v", i, before.size, after.size, each.Good, err)
		}
	}
	if err := verifyCosigned(all, key); err != nil {
		return err
	}
	fmt.Printf("%d checkpoints, %d inclusion proofs, %d consistency proofs, %d witnesses\n", len(checkpoints),
		len(all.Inclusions), len(all.Consistencies), len(all.WitnessKeys))
	return nil
}

func verifyCosigned(all samples, log note.Verifier) error {
	if all.Cosigned == "" {
		return nil
	}
	keys := []note.Verifier{log}
	for _, text := range all.WitnessKeys {
		key, err := newCosignatureVerifier(text)
		if err != nil {
			return err
		}
		keys = append(keys, key)
	}
	opened, err := note.Open([]byte(all.Cosigned), note.VerifierList(keys...))
	if err != nil {
		return fmt.Errorf("the cosigned checkpoint: %v", err)
	}
	if len(opened.Sigs) != len(keys) || len(opened.UnverifiedSigs) != 0 {
		return fmt.Errorf("the cosigned checkpoint has %d good signatures and %d unknown ones, not just the log's and %d",
			len(opened.Sigs), len(opened.UnverifiedSigs), len(all.WitnessKeys))
	}
	return nil
}

func main() {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "verify":
		err = verify(os.Args[2])
	case len(os.Args) == 3 && os.Args[1] == "witness":
		err = witness(os.Args[2])
	default:
		err = fmt.Errorf("usage: go_check verify SAMPLES.json | go_check witness LOG-KEY")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "go_check:", err)
		os.Exit(1)
	}
}
