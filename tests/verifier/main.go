// An independent verifier of greengate's ledgers: it shares no code with greengate, and stands on the packages by which
// Go checks its own checksum database. It says what holds and ends with 0, or says what does not and ends with 1.
//
//	verifier note KEY CHECKPOINT              a key has signed a checkpoint
//	verifier receipt KEY RECEIPT LEAF         the bytes of a leaf are in the ledger (.tlog-proof)
//	verifier growth KEY CHECKPOINT GROWTH     a later checkpoint follows from an earlier one
//	verifier export KEY EXPORT [CHECKPOINT…]  an export has the root that was signed, and that of older checkpoints
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type checkpoint struct {
	origin string
	size   int64
	root   tlog.Hash
}

func main() {
	if len(os.Args) < 4 {
		fail("usage: verifier note|receipt|growth|export KEY FILE…")
	}
	verifier, err := note.NewVerifier(os.Args[2])
	check(err)
	files := os.Args[3:]
	switch os.Args[1] {
	case "note":
		said := opened(verifier, read(files[0]))
		fmt.Printf("holds: %s, %d entries\n", said.origin, said.size)
	case "receipt":
		receipt(verifier, read(files[0]), read(files[1]))
	case "growth":
		growth(verifier, opened(verifier, read(files[0])), read(files[1]))
	case "export":
		export(verifier, files[0], files[1:])
	default:
		fail("no such word: " + os.Args[1])
	}
}

// opened checks the signature of a checkpoint and reads it.
func opened(verifier note.Verifier, data []byte) checkpoint {
	signed, err := note.Open(data, note.VerifierList(verifier))
	check(err)
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		fail("no checkpoint of " + verifier.Name())
	}
	return checkpoint{lines[0], number(lines[1]), hash(lines[2])}
}

// parts parts the lines of a proof from the checkpoint after them.
func parts(data []byte) ([]string, []byte) {
	at := bytes.Index(data, []byte("\n\n"))
	if at < 0 {
		fail("no proof")
	}
	return strings.Split(string(data[:at]), "\n"), data[at+2:]
}

func receipt(verifier note.Verifier, data, leaf []byte) {
	lines, signed := parts(data)
	said := opened(verifier, signed)
	if lines[0] != "c2sp.org/tlog-proof@v1" {
		fail("no receipt")
	}
	lines = lines[1:]
	if strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	index := number(strings.TrimPrefix(lines[0], "index "))
	check(tlog.CheckRecord(hashes(lines[1:]), said.size, said.root, index, tlog.RecordHash(leaf)))
	fmt.Printf("holds: entry %d of %d of %s\n", index, said.size, said.origin)
}

func growth(verifier note.Verifier, earlier checkpoint, data []byte) {
	lines, signed := parts(data)
	later := opened(verifier, signed)
	if lines[0] != fmt.Sprintf("old %d", earlier.size) {
		fail("this is of another checkpoint: " + lines[0])
	}
	check(tlog.CheckTree(hashes(lines[1:]), later.size, later.root, earlier.size, earlier.root))
	fmt.Printf("holds: %d entries follow from %d\n", later.size, earlier.size)
}

// tree holds the hashes of a tree as tlog stores them.
type tree []tlog.Hash

func (t tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, 0, len(indexes))
	for _, index := range indexes {
		found = append(found, t[index])
	}
	return found, nil
}

type line struct {
	Form       *string
	Origin     *string
	Index      *int64
	ID         *string
	Leaf       *string
	Body       *string
	SHA256     *string
	Size       *int64
	Root       *string
	Checkpoint *string
}

func export(verifier note.Verifier, file string, older []string) {
	opening, err := os.Open(file)
	check(err)
	reader, hashed, size, foot := bufio.NewReaderSize(opening, 1<<20), tree{}, int64(0), line{}
	for count := 0; ; count++ {
		text, err := reader.ReadBytes('\n')
		if err == io.EOF && len(text) == 0 {
			break
		}
		check(err)
		if foot.Size != nil {
			fail("there is a line after the last one")
		}
		said := line{}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		check(decoder.Decode(&said))
		switch {
		case count == 0:
			if said.Form == nil || *said.Form != "greengate/ledger-export/v1" || *said.Origin != verifier.Name() {
				fail("no export of " + verifier.Name())
			}
		case said.Leaf != nil:
			leaf := decoded(*said.Leaf)
			if *said.Index != size || *said.ID != digest(leaf) {
				fail(fmt.Sprintf("entry %d is not what its line tells", size))
			}
			added, err := tlog.StoredHashes(size, leaf, hashed)
			check(err)
			hashed, size = append(hashed, added...), size+1
		case said.Body != nil:
			if *said.SHA256 != digest(decoded(*said.Body)) {
				fail("a body is not what its line tells")
			}
		case said.Size != nil:
			foot = said
		default:
			fail("a line of no known kind")
		}
	}
	if foot.Size == nil || *foot.Size != size || hash(*foot.Root) != root(hashed, size) {
		fail("the last line does not fit the entries")
	}
	if foot.Checkpoint == nil {
		fail("nobody has signed it")
	}
	fits(hashed, size, opened(verifier, []byte(*foot.Checkpoint)))
	for _, one := range older {
		fits(hashed, size, opened(verifier, read(one)))
	}
	fmt.Printf("holds: %d entries of %s\n", size, verifier.Name())
}

func fits(hashed tree, size int64, said checkpoint) {
	if said.size > size {
		fail(fmt.Sprintf("%d entries were signed, and there are %d", said.size, size))
	}
	if root(hashed, said.size) != said.root {
		fail(fmt.Sprintf("the first %d entries are not those that were signed", said.size))
	}
}

func root(hashed tree, size int64) tlog.Hash {
	if size == 0 {
		return sha256.Sum256(nil)
	}
	found, err := tlog.TreeHash(size, hashed)
	check(err)
	return found
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func number(text string) int64 {
	found, err := strconv.ParseInt(text, 10, 64)
	if err != nil || found < 0 || strconv.FormatInt(found, 10) != text {
		fail("no number: " + text)
	}
	return found
}

func decoded(text string) []byte {
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	check(err)
	return data
}

func hash(text string) (found tlog.Hash) {
	data := decoded(text)
	if len(data) != len(found) {
		fail("no hash: " + text)
	}
	copy(found[:], data)
	return found
}

func hashes(lines []string) []tlog.Hash {
	found := []tlog.Hash{}
	for _, line := range lines {
		found = append(found, hash(line))
	}
	return found
}

func read(file string) []byte {
	data, err := os.ReadFile(file)
	check(err)
	return data
}

func check(err error) {
	if err != nil {
		fail(err.Error())
	}
}

func fail(words string) {
	fmt.Fprintln(os.Stderr, "does not hold: "+words)
	os.Exit(1)
}
