// Encrypts or decrypts standard input with the npm package age-encryption; the operation and its secret come as arguments.
//   node typage.mjs encrypt RECIPIENT...   node typage.mjs decrypt IDENTITY...   node typage.mjs keygen
//   node typage.mjs vectors                (the CCTV age vectors as one JSON object, base64 values)
import { buffer } from "node:stream/consumers";
import { Decrypter, Encrypter, armor, generateHybridIdentity, identityToRecipient } from "age-encryption";

const [operation, ...keys] = process.argv.slice(2);

if (operation === "keygen") {
  const identity = await generateHybridIdentity();
  console.log(JSON.stringify({ identity, recipient: await identityToRecipient(identity) }));
} else if (operation === "vectors") {
  const vectors = await import("cctv-age");
  const entries = Object.entries(vectors).map(([name, bytes]) => [name, Buffer.from(bytes).toString("base64")]);
  process.stdout.write(JSON.stringify(Object.fromEntries(entries)));
} else {
  const input = new Uint8Array(await buffer(process.stdin));
  if (operation === "encrypt" || operation === "encrypt-armored") {
    const encrypter = new Encrypter();
    for (const key of keys) encrypter.addRecipient(key);
    const file = await encrypter.encrypt(input);
    process.stdout.write(operation === "encrypt" ? file : armor.encode(file));
  } else if (operation === "decrypt") {
    const decrypter = new Decrypter();
    for (const key of keys) decrypter.addIdentity(key);
    process.stdout.write(await decrypter.decrypt(input));
  } else {
    throw new Error("unknown operation");
  }
}
