"""The log's tables.

Insert-only, guarded by triggers (migrations 0002, 0004 and later): Entry, Opening, Leaf, State, Checkpoint,
TrustVersion, Registration, Anchor, Attempt, Sighting, Confirmation, ReceiptProof, Retraction, Handover, and a Tile
once it is full. Declared caches, which may change and can be rebuilt: Pending, a partial Tile, Head, Sender, Tick,
Scan. The vault's DataKey lives in a store of its own and can be destroyed.

How far a record has come is never stored: it follows from which rows exist (docs/protocol.md).
"""

import uuid

from django.db import models


class Entry(models.Model):
    """One recorded event: the exact bytes that the log's leaf is the hash of.

    ``seq`` gives the order in which entries of one subject were committed (their row lock orders them); it has gaps
    and is never an index of the log.
    """

    seq = models.BigAutoField(primary_key=True)
    id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=64)
    subject_type = models.CharField(max_length=16)
    subject_id = models.CharField(max_length=100)
    at = models.DateTimeField()
    data = models.BinaryField()

    class Meta:
        verbose_name_plural = "entries"
        indexes = [models.Index(fields=["subject_type", "subject_id", "seq"], name="entry_subject")]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Opening(models.Model):
    """The disclosures of one entry that concern one owner, encrypted under that owner's data key."""

    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="openings", db_index=False)
    owner = models.CharField(max_length=64)
    sealed = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entry", "owner"], name="opening_once_per_owner")]

    def __str__(self) -> str:
        return f"opening of {self.entry_id} for {self.owner}"


class Pending(models.Model):
    """Cache: entries that have no leaf yet; written with the entry, deleted with its leaf."""

    entry = models.OneToOneField(Entry, primary_key=True, on_delete=models.PROTECT)

    class Meta:
        verbose_name_plural = "pending entries"

    def __str__(self) -> str:
        return f"pending {self.entry_id}"


class Leaf(models.Model):
    """Where an entry stands in the log. The index comes from the sequencer alone, without gaps."""

    index = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT)
    hash = models.BinaryField(max_length=32)

    class Meta:
        verbose_name_plural = "leaves"

    def __str__(self) -> str:
        return f"leaf {self.index}"


class Tile(models.Model):
    """256 hashes of one level (32 bytes each); the last tile of a level is partial and grows."""

    level = models.PositiveSmallIntegerField()
    n = models.BigIntegerField()
    hashes = models.BinaryField(max_length=8192)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["level", "n"], name="tile_once")]

    def __str__(self) -> str:
        return f"tile {self.level}/{self.n}"


class Head(models.Model):
    """Cache and lock: the size and root of the tree that the leaves make. One row, ``id`` 1."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    size = models.BigIntegerField(default=0)
    root = models.BinaryField(max_length=32)

    def __str__(self) -> str:
        return f"head of {self.size}"


class State(models.Model):
    """A ``log.state`` entry in its place: the log's last leaf at ``size``, whose checkpoint is the one to anchor."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField(max_length=32)
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"state at {self.size}"


class Checkpoint(models.Model):
    """A signed head. The primary key makes two roots for one size impossible."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField(max_length=32)
    note = models.TextField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"checkpoint {self.size}"


class TrustVersion(models.Model):
    """One version of trust.json, as it stands in the file: the signed statement's canonical JSON."""

    version = models.PositiveIntegerField(primary_key=True)
    content = models.BinaryField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"trust version {self.version}"


class Registration(models.Model):
    """This log's registration in a contract on one chain.

    The newest row is the current one; after a migration the one that it ``follows`` counts until the new one holds its
    first confirmed anchor. ``controller`` is the first one; ``Handover`` has those that came after.
    """

    chain_id = models.BigIntegerField()
    genesis = models.BinaryField(max_length=32)
    contract = models.BinaryField(max_length=20)
    code_hash = models.BinaryField(max_length=32)
    log_id = models.BinaryField(max_length=32)
    controller = models.BinaryField(max_length=20)
    follows = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="followed_by")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["genesis", "contract", "log_id"], name="registration_once")]

    def __str__(self) -> str:
        return f"registration {self.pk} on chain {self.chain_id}"


class Anchor(models.Model):
    """The decision to put one checkpoint on chain, on top of the last confirmed one."""

    registration = models.ForeignKey(Registration, on_delete=models.PROTECT)
    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT)
    old_size = models.BigIntegerField()
    old_root = models.BinaryField(max_length=32)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["registration", "checkpoint"], name="anchor_once")]

    def __str__(self) -> str:
        return f"anchor {self.pk} of size {self.checkpoint_id}"


class Attempt(models.Model):
    """A signed transaction for an anchor, stored before it is sent; sent again byte for byte until it is mined.

    ``tip`` and ``cap`` are wei a unit of gas, ``gas`` is the limit. A dearer attempt has its predecessor's nonce; one
    with another nonce (or sender) follows a transaction that can no longer be mined.
    """

    anchor = models.ForeignKey(Anchor, on_delete=models.PROTECT, related_name="attempts")
    sender = models.BinaryField(max_length=20)
    nonce = models.BigIntegerField()
    tip = models.BigIntegerField()
    cap = models.BigIntegerField()
    gas = models.BigIntegerField()
    raw = models.BinaryField()
    transaction = models.BinaryField(max_length=32, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"attempt {self.pk} with nonce {self.nonce}"


class Sighting(models.Model):
    """A block in which an attempt was seen, final or not; a second row for one attempt is a move to another block."""

    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="sightings")
    block_number = models.BigIntegerField()
    block_hash = models.BinaryField(max_length=32)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["attempt", "block_hash"], name="sighting_once")]

    def __str__(self) -> str:
        return f"attempt {self.attempt_id} in block {self.block_number}"


class Confirmation(models.Model):
    """The anchor's event stands in this block, which the chain calls final; the ``nth`` time it does, from 1.

    It counts unless a Retraction names it. The anchor cost ``gas_used`` times ``gas_price`` wei.
    """

    anchor = models.ForeignKey(Anchor, on_delete=models.PROTECT, related_name="confirmations")
    nth = models.PositiveSmallIntegerField(default=1)
    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="confirmations")
    block_number = models.BigIntegerField()
    block_hash = models.BinaryField(max_length=32)
    block_at = models.DateTimeField()
    gas_used = models.BigIntegerField(null=True)
    gas_price = models.BigIntegerField(null=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["anchor", "nth"], name="confirmation_once")]

    def __str__(self) -> str:
        return f"confirmation of anchor {self.anchor_id} in block {self.block_number}"


class ReceiptProof(models.Model):
    """The anchor's event with its way up to the block's hash, made when the block became final.

    ``data`` is null where it could not be made, and ``reason`` says why; a later try may succeed.
    """

    confirmation = models.ForeignKey(Confirmation, on_delete=models.PROTECT, related_name="receipt_proofs")
    data = models.BinaryField(null=True)
    reason = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("confirmation", condition=models.Q(data__isnull=False), name="receipt_proof_once")
        ]

    def __str__(self) -> str:
        return f"receipt proof of confirmation {self.confirmation_id}"


class Retraction(models.Model):
    """The confirmation's block left the chain although it was called final; ``block_hash`` stands there now."""

    confirmation = models.OneToOneField(Confirmation, on_delete=models.PROTECT)
    block_hash = models.BinaryField(max_length=32)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"retraction of confirmation {self.confirmation_id}"


class Handover(models.Model):
    """A signed transaction that gives a log to another key, stored before it is sent.

    Whether it took place is the chain's to say: the registry's head names the controller.
    """

    registration = models.ForeignKey(Registration, on_delete=models.PROTECT, related_name="handovers")
    sender = models.BinaryField(max_length=20)
    controller = models.BinaryField(max_length=20)
    nonce = models.BigIntegerField()
    tip = models.BigIntegerField()
    cap = models.BigIntegerField()
    raw = models.BinaryField()
    transaction = models.BinaryField(max_length=32, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"handover {self.pk} of registration {self.registration_id}"


class Sender(models.Model):
    """Cache and lock: the next nonce of our key on one chain, and what lies on it.

    Below ``accepted`` a person said that transactions which are not ours are no reason to halt. ``balance_gwei`` and
    what one anchor may cost at most, ``anchor_gwei``, are as of ``looked_at``.
    """

    genesis = models.BinaryField(max_length=32)
    address = models.BinaryField(max_length=20)
    next_nonce = models.BigIntegerField()
    accepted = models.BigIntegerField(default=0)
    balance_gwei = models.BigIntegerField(null=True)
    anchor_gwei = models.BigIntegerField(null=True)
    looked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["genesis", "address"], name="sender_once")]

    def __str__(self) -> str:
        return f"sender, next nonce {self.next_nonce}"


class Tick(models.Model):
    """Cache: how the last run of a step of the schedule went, for the status page and the metrics.

    ``said`` is the step's outcome in a sentence, ``problem`` why it cannot go on ("" if it can); ``seen`` holds what
    the step learned outside, as JSON: ``final``, ``endpoints`` and ``trouble`` (schedule.tick).
    """

    step = models.CharField(max_length=16, primary_key=True)
    ran_at = models.DateTimeField()
    went_well_at = models.DateTimeField(null=True)
    said = models.TextField(blank=True)
    problem = models.TextField(blank=True)
    seen = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.step}: {self.problem or 'well'}"


class DataKey(models.Model):
    """An owner's data key, wrapped by the key that is kept outside; ``wrapped`` is null once it was destroyed.

    In the vault's own database (``VAULT_URL``).
    """

    owner = models.CharField(max_length=64, primary_key=True)
    wrapped = models.BinaryField(max_length=40, null=True)
    made_at = models.DateTimeField()
    destroyed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(wrapped__isnull=False, destroyed_at__isnull=True)
                | models.Q(wrapped__isnull=True, destroyed_at__isnull=False),
                name="data_key_held_or_destroyed",
            )
        ]

    def __str__(self) -> str:
        return f"data key of {self.owner}"


class Scan(models.Model):
    """Cache: one run of ``fsck`` and what it found. ``size`` is the newest seal's when it began.

    ``findings`` holds {where, what, since} of the first 1,000; ``found`` counts all. ``checked`` says how much was
    looked at, ``chain`` what the chain had to say.
    """

    at = models.DateTimeField()
    took_ms = models.BigIntegerField()
    size = models.BigIntegerField()
    checked = models.JSONField()
    chain = models.TextField()
    found = models.BigIntegerField()
    findings = models.JSONField()

    def __str__(self) -> str:
        return f"scan of {self.at:%Y-%m-%d %H:%M} UTC: {self.found} found"


class Cosignature(models.Model):
    """An auditor's line under a checkpoint: they recomputed the tree and its map. Insert-only."""

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="cosignatures")
    auditor = models.CharField(max_length=255)
    line = models.TextField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["checkpoint", "auditor"], name="cosignature_once")]
        permissions = [("read_entries", "Can read the log's entries as an auditor, and cosign")]

    def __str__(self) -> str:
        return f"cosignature of {self.auditor} under checkpoint {self.checkpoint_id}"

    @property
    def auditor_name(self) -> str:
        """The auditor's name, without the key's id."""
        return str(self.auditor).partition("+")[0]


class MapHead(models.Model):
    """Cache: the map over the first ``size`` leaves. Its pages are the newest up to that size."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField(max_length=32)
    subjects = models.BigIntegerField()

    def __str__(self) -> str:
        return f"map of {self.subjects} subjects over {self.size} leaves"


class MapPage(models.Model):
    """Cache: a page of the map as it was from ``size`` leaves on (protocol/submap.py), until it is forgotten."""

    pk = models.CompositePrimaryKey("level", "n", "size")
    level = models.PositiveSmallIntegerField()
    n = models.BigIntegerField()
    size = models.BigIntegerField(db_index=True)
    content = models.BinaryField()

    def __str__(self) -> str:
        return f"page {self.level}/{self.n} of the map, from size {self.size} on"
